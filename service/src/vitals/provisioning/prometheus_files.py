"""Prometheus's folder in the state folder: its configuration, and the targets of the native stack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from vitals.configuration import CONFIGURATION, RUNBOOKS, runbook
from vitals.errors import StackError
from vitals.host.secrets import make_private_folder, write_atomically
from vitals.settings.options import AlertWindows

SOURCES = CONFIGURATION / "prom-graf" / "prometheus"


def prepare(folder: Path, environment: Mapping[str, str], alert_windows: AlertWindows) -> None:
    """Copy prometheus.yml and its rules with these windows, and fill the ports into the files of targets.

    Prometheus reads no environment variables in its configuration: what differs by way of running is in files of targets.
    """
    make_private_folder(folder)
    write_atomically(folder / "prometheus.yml", (SOURCES / "prometheus.yml").read_text(), mode=0o600)
    _prepare_rules(folder / "rules", SOURCES / "rules" / alert_windows)
    scraped = "prometheus-scrape" in environment.get("METRICS_BACKEND", "").split("+")
    for kind in ("targets", "alertmanagers", "collected"):
        (folder / kind).mkdir(exist_ok=True)
        if kind == "collected" and not scraped:
            (folder / kind / "native.yml").unlink(missing_ok=True)
            continue
        for template in sorted((SOURCES / kind).glob("native*.yml.in")):
            target = folder / kind / template.name.removesuffix(".in")
            write_atomically(target, filled(template.read_text(), environment), mode=0o600)


def _prepare_rules(folder: Path, source: Path) -> None:
    """Exactly the rules of one profile: what an earlier start left of another is deleted."""
    make_private_folder(folder)
    wanted = {file.name: with_runbooks(file.read_text()) for file in sorted(source.glob("*.yml"))}
    if not wanted:
        raise StackError(f"{source} has no rules: `make rules` writes them.")
    for old in folder.glob("*.yml"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        write_atomically(folder / name, text, mode=0o600)


def with_runbooks(rules: str, place: Callable[[str], str] = runbook) -> str:
    """The rules with the address of each runbook that is this project's own page as `place` gives it."""
    return re.sub(rf"(?m)^( *runbook_url: ){RUNBOOKS}(\w+)\.md$", lambda found: f"{found[1]}{quoted(place(found[2]))}", rules)


def quoted(path: str) -> str:
    """A path as YAML has it; in quotes only where it needs them."""
    return path if re.fullmatch(r"[\w./-]+", path) else json.dumps(path)


def filled(text: str, environment: Mapping[str, str]) -> str:
    """The text with each ${NAME} replaced.

    Raises StackError for a name that the environment lacks.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            raise StackError(f"A file of Prometheus's targets wants ${{{found[1]}}}, which no option sets.")
        return environment[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)
