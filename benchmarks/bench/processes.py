"""A server under measurement: on one core, with its whole tree of processes counted, stopped while another one is measured."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nothing listens on, one after the other.

    Below those that the system gives to connections: one of the load's could take a port before its server does.
    """
    while True:
        first = random.randrange(15_000, 32_000 - count)  # noqa: S311  (no secret is made of it)
        if all(_is_free(first + number) for number in range(count)):
            return list(range(first, first + count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def clean_environment(own: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what would change a variant, and with `own`.

    Python may keep what it compiles: an installed package, or an image of one, is compiled once, and not at each start.
    """
    changing = ("OTEL_", "VITALS_", "SERVICE_", "FASTAPI_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(changing)}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **threads, **own}


class Server:
    """One server, from its start to its orderly end."""

    def __init__(self, command: list[str], environment: Mapping[str, str], cwd: Path, log: Path, *, port: int, core: int) -> None:
        self.port = port
        self._log = log
        self._stopped = False
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                env=clean_environment(environment),
                cwd=cwd,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._begun = time.monotonic()

    def wait_ready(self, path: str, within: float = 90) -> float:
        """Seconds from its start until `path` answers 200. Raises RuntimeError with the end of its log where it does not."""
        while time.monotonic() < self._begun + within:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    connection.close()
                    return time.monotonic() - self._begun
            time.sleep(0.01)
        self.stop()
        raise RuntimeError(f"it was not ready: {self.said()}")

    def said(self) -> str:
        """The end of what it wrote."""
        return self._log.read_text(errors="replace").strip()[-400:]

    @property
    def pid(self) -> int:
        """Of its first process, which leads the others."""
        return self._process.pid

    def _tree(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def processor_seconds(self) -> float:
        """Processor time of the tree so far."""
        total = 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                used = process.cpu_times()
                total += used.user + used.system
        return total

    def resident_bytes(self) -> int:
        """Resident memory of the tree."""
        total = 0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def pause(self) -> None:
        """Stop it where it is, so that it takes nothing from the one that is measured."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def wait_idle(self, most: float) -> None:
        """Until it has sent what it still had, as far as its processor time tells, or `most` seconds have gone."""
        end = time.monotonic() + most
        before = self.processor_seconds()
        while time.monotonic() < end:
            time.sleep(0.1)
            now = self.processor_seconds()
            if now - before < 0.015:
                return
            before = now

    def stop(self, within: float = 30) -> None:
        """SIGTERM, which lets it deliver what it has, and SIGKILL for what is left afterwards; a second time it does nothing."""
        if self._stopped:
            return
        try:
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    self.resume()
                    self._process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(within)
        finally:  # also where a second Ctrl-C ends the waiting
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._stopped = True
