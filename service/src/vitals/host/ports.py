"""Whether a port is free, and whose it is when it is not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection

import psutil

from vitals.host.processes import MARK


def in_use(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something listens there: a bind alone would not see, on every system, who listens on all addresses."""
    with socket.socket() as trial:
        trial.settimeout(0.5)
        if trial.connect_ex((host, port)) == 0:
            return True
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return True
    return False


def listeners() -> dict[int, psutil.Process]:
    """The process behind each listening TCP port, as far as the system lets us see it."""
    return {port: processes[-1] for port, processes in holders().items()}


def holders(addresses: Collection[str] | None = None) -> dict[int, list[psutil.Process]]:
    """Every process that listens on a TCP port, at one of these addresses or at any, as far as the system lets us see it."""
    found: dict[int, list[psutil.Process]] = {}
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr:
                if addresses is not None and connection.laddr.ip not in addresses:
                    continue
                with contextlib.suppress(psutil.Error):
                    process = psutil.Process(connection.pid)  # raises for one that has ended since
                    found.setdefault(connection.laddr.port, []).append(process)
    return found


def belongs_to(process: psutil.Process | None, stack: str) -> bool:
    """Whether a process is one of a stack's own."""
    if process is None:
        return False
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARK, "").split(":")[0] == stack
    return False


def described(process: psutil.Process | None) -> str:
    """A process for a sentence: its name and id, or that the system does not tell."""
    if process is None:
        return "another process (the system does not say which)"
    with contextlib.suppress(psutil.Error):
        return f"{process.name()} (process {process.pid})"
    return f"process {process.pid}"


def process_name(process: psutil.Process) -> str:
    """Its name; empty where the system does not tell."""
    with contextlib.suppress(psutil.Error):
        return str(process.name())
    return ""


def whose(process: psutil.Process) -> str:
    """For a sentence about a process that is not this stack's: another checkout's stack, or none that we know."""
    with contextlib.suppress(psutil.Error, OSError):
        environment = process.environ()
        if MARK in environment:
            return f"of the stack in {environment.get('VITALS_STATE_DIR', 'another folder')}"
    return "not of this stack"
