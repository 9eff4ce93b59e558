"""The processes that these tests start: the script that fits models, `vitals` commands, and services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx

from ..ports import free_ports

ROOT = Path(__file__).parents[2]

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""The tests run beside each other; and threads that a library started would be lost when its process forks."""


@dataclass(frozen=True)
class Ended:
    """A process that ended: its exit status, and all that it printed."""

    status: int
    output: str


class Forking:
    """A process that has imported `modules`, and the processes that are forked from it."""

    def __init__(self, modules: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self._outputs = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.models.forking", *modules],
            cwd=ROOT,
            env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def run(self, module: str, *arguments: str | Path, seconds: float = 120) -> Ended:
        """Call `main()` of `module` in a process of its own, and wait for its end."""
        pid, output = self.start(module, *arguments)
        return Ended(self.wait(pid, seconds), output.read_text(errors="replace"))

    def start(self, module: str, *arguments: str | Path, **environment: str) -> tuple[int, Path]:
        """The same without waiting: the process's id, and the file of its output."""
        self._outputs += 1
        output = self._folder / f"output-{self._outputs}.txt"
        told = self._ask(
            run=module,
            arguments=[str(one) for one in arguments],
            environment={**_plain_environment(), **environment},
            folder=str(self._folder),
            output=str(output),
        )
        return told["pid"], output

    def wait(self, pid: int, seconds: float) -> int:
        """The exit status of a process that was started here."""
        status: int = self._ask(wait=pid, seconds=seconds)["status"]
        return status

    def lives(self, pid: int) -> bool:
        """Whether a process that was started here runs."""
        found: bool = self._ask(look_at=pid)["lives"]
        return found

    def _ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the process that forks ended with {self._process.wait(10)}"
        answer: dict[str, Any] = json.loads(line)
        return answer


def _plain_environment() -> dict[str, str]:
    """Ours without what configures a service, so that no one's own service is meant."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")}
    return {**kept, **_ONE_THREAD, "VITALS_ENV_FILE": os.devnull, "OTEL_SDK_DISABLED": "true", "COLUMNS": "200"}


@contextmanager
def served(vitals: Forking, folder: Path, **environment: str) -> Iterator[str]:
    """`vitals serve` of the model in `folder`, ready: its address. A failure shows what it printed."""
    [port] = free_ports(1)
    settings = {"MODEL_DIR": str(folder), "SERVICE_PORT": str(port), "ALLOW_PICKLE": "true", **environment}
    pid, output = vitals.start("vitals.cli", "serve", **settings)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, pid, output, vitals)
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        vitals.wait(pid, 30)


def _wait_until_ready(url: str, pid: int, output: Path, vitals: Forking) -> None:
    deadline = time.monotonic() + 60
    with httpx.Client(base_url=url, timeout=10, verify=False) as client:
        while True:
            try:
                if client.get("/health/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            ready_in_time = vitals.lives(pid) and time.monotonic() < deadline
            assert ready_in_time, f"the service did not get ready:\n{output.read_text(errors='replace')[-3000:]}"
            time.sleep(0.02)
