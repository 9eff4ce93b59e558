"""One process-compose for one group: started in the background, asked over a unix socket, stopped with all it started.

Each group has its own, so that a group starts with the options of now, whatever else is running since when.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil

from vitals.configuration import CONFIGURATION
from vitals.errors import StackError
from vitals.host.processes import MARK, end_all, marked, wait_until
from vitals.orchestration.groups import GroupName

COMPOSE_FILE = CONFIGURATION / "native" / "process-compose.yaml"

GRACE_SECONDS = 75
"""Longer than the engines' shutdown timeouts in process-compose.yaml, which end what does not end itself."""


_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class State:
    """One process as its supervisor sees it."""

    name: str
    status: str
    ready: bool
    restarts: int

    @property
    def failed(self) -> bool:
        """Whether it ended, or can't be started, when it should run; one that was restarted and is well again has not failed."""
        return not self.ready and (self.restarts > 0 or self.status in ("Completed", "Error", "Skipped"))


class Supervisor:
    """The process-compose of one group of one stack."""

    def __init__(self, stack: str, group: GroupName, state: Path) -> None:
        self.group = group
        self.mark = f"{stack}:{group}"
        self.socket = socket_path(stack, group, state)

    def start(self, binary: Path, environment: Mapping[str, str], log: Path) -> None:
        """Start it in the background, in a session of its own.

        Raises StackError, with the log's last line, when it does not answer.
        """
        make_socket_folder(self.socket.parent)
        self.socket.unlink(missing_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        child = subprocess.Popen(
            [
                str(binary),
                "up",
                *("--config", str(COMPOSE_FILE), "--namespace", self.group),
                *("--unix-socket", str(self.socket), "--tui=false", "--disable-dotenv"),
                *("--ordered-shutdown", "--log-file", str(log), "--log-no-color"),
            ],
            # Built without cgo, it can't look its user up by itself.
            env={"USER": str(os.getuid()), **environment, MARK: self.mark},
            cwd=CONFIGURATION,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if not wait_until(lambda: self.alive() or child.poll() is not None, 20) or not self.alive():
            end_all(marked(self.mark))
            child.wait()
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            raise StackError(f"process-compose could not start {self.group}: {lines[-1] if lines else 'it said nothing'} ({log})")

    def alive(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(httpx.HTTPError):
            return self._ask("GET", "/live").status_code == httpx.codes.OK
        return False

    def states(self) -> list[State]:
        """Its processes; none where it is not running."""
        try:
            answer = self._ask("GET", "/processes").json()
        except (httpx.HTTPError, ValueError):
            return []
        return sorted((_state(one) for one in answer["data"]), key=lambda state: state.name)

    def said(self, process: str, lines: int = 200) -> list[str]:
        """The last lines that a process printed since the supervisor started it."""
        try:
            answer = self._ask("GET", f"/process/logs/{process}/0/{lines}").json()
        except (httpx.HTTPError, ValueError):
            return []
        return [line.rstrip() for line in answer.get("logs") or []]

    def running(self) -> list[psutil.Process]:
        """Every process that belongs to the group, the supervisor's own among them, also where the supervisor is gone."""
        return marked(self.mark)

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop in order, then end whatever is left after the grace; when this returns no process of the group is."""
        processes = self.running()
        if processes:
            if self._told_to_stop(grace_seconds):
                psutil.wait_procs(processes, timeout=grace_seconds)
            end_all(self.running())
        self.socket.unlink(missing_ok=True)

    def _told_to_stop(self, grace_seconds: float) -> bool:
        """Whether there was a supervisor to tell; it answers when its processes are gone, or breaks off as it goes itself."""
        try:
            self._ask("POST", "/project/stop", timeout=grace_seconds)
        except httpx.ConnectError:
            return False
        except httpx.HTTPError:
            return True
        return True

    def _ask(self, method: str, path: str, timeout: float = 5) -> httpx.Response:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket)), timeout=timeout, trust_env=False) as client:
            return client.request(method, f"http://process-compose{path}")


def _state(told: dict[str, Any]) -> State:
    """What has a readiness probe is ready when that says so; a one-shot has none, and is ready when it ended well."""
    if told["has_ready_probe"]:
        ready = told["is_running"] and told["is_ready"] == "Ready"
    else:
        ready = told["status"] == "Completed" and told["exit_code"] == 0
    return State(told["name"], told["status"], ready, told["restarts"])


def socket_path(stack: str, group: GroupName, state: Path) -> Path:
    """In the state folder where that is short enough: a unix socket's path has at most 104 bytes (108 on Linux)."""
    own = state.absolute() / "run" / f"{group}.sock"
    if len(os.fsencode(own)) < _LONGEST_SOCKET_PATH:
        return own
    return Path("/tmp") / f"vitals-{os.getuid()}" / f"{stack}-{group}.sock"  # noqa: S108 - its folder is checked to be ours


def make_socket_folder(folder: Path) -> None:
    """A folder that is ours alone: whoever can write to the socket can start processes as us.

    Raises StackError when someone else made it first.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StackError(f"{folder} belongs to someone else: remove it, or choose a VITALS_STATE_DIR with a shorter path.")
    folder.chmod(0o700)
