"""A Collector of a test's own beside the stack's: the same files and backends, and a queue that the test may fill or break."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2 as httpx

from vitals.orchestration.native_stack import NativeStack
from vitals.settings.service import Settings

from ..ports import free_ports
from ..stack.conftest import Stack, eventually
from .engines import collector_metric

_PORTS = ("OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "ALERTS_PORT", "COLLECTOR_HEALTH_PORT", "COLLECTOR_METRICS_PORT")


class OwnCollector:
    """Runs while the block does. `variables` are put over the stack's own environment, as QUEUE_BYTES and QUEUE_DIR.

    begin_with: the command in front of the Collector's own, which has to end as it.
    """

    def __init__(self, stack: Stack, folder: Path, begin_with: Sequence[str] = (), **variables: str) -> None:
        self._begin_with = begin_with
        (folder / "logs").mkdir(parents=True)
        given = NativeStack(stack.settings, Settings.load(), stack.environment).environment()
        self.environment = {
            "PATH": os.environ["PATH"],
            **given,
            **dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True)),
            "HOST_NAME": folder.name,  # its host metrics are series of their own
            "LOGS_DIR": str(folder / "logs"),  # the engines' logs are the other Collector's
            "QUEUE_DIR": str(folder / "queue"),
            **variables,
        }
        self.log = folder / "collector.log"
        self.endpoint = f"http://127.0.0.1:{self.environment['OTLP_GRPC_PORT']}"
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it takes something in."""
        command = [*self._begin_with, self.environment["OTELCOL"], *shlex.split(self.environment["COLLECTOR_CONFIG"])]
        with self.log.open("ab") as said:
            self._process = subprocess.Popen(command, env=self.environment, stdout=said, stderr=said)

        def well() -> bool:
            assert self.alive, self.log.read_text()[-3000:]
            try:
                return httpx.get(f"http://127.0.0.1:{self.environment['COLLECTOR_HEALTH_PORT']}", timeout=2).is_success
            except httpx.HTTPError:
                return False

        eventually(well, within=60, why="the test's own Collector is well")

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def seen_by_it(self, path: Path) -> Path:
        """A path as this process has it, whose mounts may be its own."""
        return Path(f"/proc/{self._process.pid}/root{path}")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def metric(self, name: str, **labels: str) -> float:
        """One of its own metrics, summed over the series with these labels."""
        return collector_metric(int(self.environment["COLLECTOR_METRICS_PORT"]), name, **labels)
