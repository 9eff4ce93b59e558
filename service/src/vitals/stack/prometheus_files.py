"""Prometheus's folder in the state folder: its configuration, and the targets of the native stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vitals.errors import StackError
from vitals.settings import ROOT
from vitals.stack.secrets import make_private_folder, write_atomically

SOURCES = ROOT / "prom-graf" / "prometheus"


def prepare(folder: Path, environment: Mapping[str, str]) -> None:
    """Copy prometheus.yml and its rules, and fill the ports into the files of targets.

    Prometheus reads no environment variables in its configuration: what differs by way of running is in files of targets.
    """
    make_private_folder(folder)
    write_atomically(folder / "prometheus.yml", (SOURCES / "prometheus.yml").read_text(), mode=0o600)
    if (SOURCES / "rules").is_dir():
        (folder / "rules").mkdir(exist_ok=True)
        for rules in sorted((SOURCES / "rules").glob("*.yml")):
            write_atomically(folder / "rules" / rules.name, rules.read_text(), mode=0o600)
    scraped = "prometheus-scrape" in environment.get("METRICS_BACKEND", "").split("+")
    for kind in ("targets", "alertmanagers", "collected"):
        (folder / kind).mkdir(exist_ok=True)
        if kind == "collected" and not scraped:
            (folder / kind / "native.yml").unlink(missing_ok=True)
            continue
        for template in sorted((SOURCES / kind).glob("native*.yml.in")):
            target = folder / kind / template.name.removesuffix(".in")
            write_atomically(target, filled(template.read_text(), environment), mode=0o600)


def filled(text: str, environment: Mapping[str, str]) -> str:
    """The text with each ${NAME} replaced.

    Raises StackError for a name that the environment lacks.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            raise StackError(f"A file of Prometheus's targets wants ${{{found[1]}}}, which no option sets.")
        return environment[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)
