"""Alertmanager's folder in the state folder: its configuration, and where the Collector takes its notifications."""

from __future__ import annotations

from pathlib import Path

from vitals.configuration import CONFIGURATION
from vitals.host.secrets import make_private_folder, write_atomically

SOURCES = CONFIGURATION / "prom-graf" / "alertmanager"

HISTORY_URL = "history.url"
"""The one file that differs by way of running; the one in the checkout is the containers'."""


def prepare(folder: Path, alerts_port: int) -> None:
    """Copy alertmanager.yml, and write beside it where the Collector takes alerts: on `alerts_port`.

    Alertmanager reads no environment variables in its configuration. Its paths are relative to this folder: tokens and
    passwords are in `../secrets`, and what receivers of one's own need in `../receivers`, which this makes and never empties.
    """
    make_private_folder(folder)
    make_private_folder(folder.parent / "receivers")
    write_atomically(folder / "alertmanager.yml", (SOURCES / "alertmanager.yml").read_text(), mode=0o600)
    write_atomically(folder / HISTORY_URL, f"http://127.0.0.1:{alerts_port}/alerts\n", mode=0o600)
