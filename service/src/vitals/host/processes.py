"""Child processes that never outlive their purpose: run with a log, ended as a whole group, found again by a mark."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Event

import psutil

MARK = "VITALS_STACK"
"""The environment variable that every process of a stack carries; its value tells whose it is and of which group."""


def stack_of(state: Path) -> str:
    """By what the mark tells the stack with that state folder from others."""
    return hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:10]


class Stopped(Exception):
    """The run was asked to end before it was done."""


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, stop: Event) -> int:
    """Run a command in a process group of its own, append what it prints to `log`, and give its exit status.

    Raises Stopped, after the whole group is gone, when `stop` is set; FileNotFoundError when there is no such command.
    """
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return child.wait(timeout=0.2)
                if stop.is_set():
                    raise Stopped
        finally:
            end_group(child)


def end_group(child: subprocess.Popen[bytes], grace_seconds: float = 5) -> None:
    """End a process that leads its group, and all that it started: SIGTERM first, SIGKILL after the grace."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None and not _group_lives(child.pid):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        wait_until(lambda: child.poll() is not None and not _group_lives(child.pid), grace_seconds)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether the condition came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def marked(value: str) -> list[psutil.Process]:
    """Every process whose environment carries the mark with this value, or with one that begins with it and a colon.

    Raises ValueError for an empty value: whoever ends what this finds would end every process that has no mark at all.
    """
    if not value:
        raise ValueError("no stack has an empty mark")
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            theirs = process.environ().get(MARK, "")
            if (theirs == value or theirs.startswith(f"{value}:")) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_all(processes: Iterable[psutil.Process], grace_seconds: float = 10) -> None:
    """End processes that nobody supervises any more: SIGTERM, then SIGKILL after the grace."""
    alive = list(processes)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
        _, alive = psutil.wait_procs(alive, timeout=grace_seconds)
        if not alive:
            return
