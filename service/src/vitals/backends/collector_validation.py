"""Every combination of backends, put before the real Collector: would it start with these files?"""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from vitals.backends.backend_table import SIGNALS
from vitals.backends.collector_config import FOLDER, arguments, available
from vitals.errors import StackError
from vitals.host.secrets import write_atomically
from vitals.settings.stack import StackSettings


@dataclass(frozen=True)
class Combination:
    """A backend for each signal, with log files to follow or without."""

    metrics: str
    logs: str
    traces: str
    log_files: str

    def settings(self) -> StackSettings:
        """Options that choose it, the rest as it is."""
        return StackSettings.load(
            metrics_backend=self.metrics, logs_backend=self.logs, traces_backend=self.traces, log_files=self.log_files
        )


@dataclass(frozen=True)
class Verdict:
    """What the Collector said to a combination; nothing where it takes it."""

    combination: Combination
    error: str


def combinations(folder: Path = FOLDER) -> list[Combination]:
    """All that the files under backends/ allow, each with log files and without."""
    names = (available(signal, folder) for signal in SIGNALS)
    return [Combination(*chosen) for chosen in itertools.product(*names, ("", "/var/log/a.log,/srv/*.log"))]


def check(otelcol: Path, wanted: list[Combination], environment: Mapping[str, str], folder: Path = FOLDER) -> Iterator[Verdict]:
    """Ask the Collector's own `validate` about each, one a core at a time; the verdicts come as they are known.

    `environment` is what the Collector would find; a made-up password is put in place of Elasticsearch's, since it is read.
    """
    with tempfile.TemporaryDirectory(prefix="vitals-check-") as secrets, ThreadPoolExecutor(os.cpu_count() or 1) as at_once:
        write_atomically(Path(secrets) / "elasticsearch-writer-password", "made-up")
        env = {**environment, "SECRETS_DIR": secrets}
        for asked in as_completed([at_once.submit(_verdict, otelcol, one, env, folder) for one in wanted]):
            yield asked.result()


def refusal(otelcol: Path, given: Sequence[str], environment: Mapping[str, str]) -> str:
    """What the Collector's own `validate` says against these arguments; empty where it takes them."""
    said = subprocess.run([otelcol, "validate", *given], env=environment, capture_output=True, text=True, check=False)
    return "" if said.returncode == 0 else said.stderr.strip() or f"it ended with status {said.returncode}"


def must_start(otelcol: Path, settings: StackSettings, environment: Mapping[str, str]) -> None:
    """Raises StackError where a Collector with these options would end at once: before the one that runs is stopped for it."""
    said = refusal(otelcol, arguments(settings), environment)
    if said:
        raise StackError(f"The Collector would not start with these options, and the one that runs goes on: {said}")


def _verdict(otelcol: Path, wanted: Combination, environment: Mapping[str, str], folder: Path) -> Verdict:
    given = arguments(wanted.settings(), folder)
    return Verdict(wanted, refusal(otelcol, given, {**environment, "LOG_FILES": wanted.log_files}))
