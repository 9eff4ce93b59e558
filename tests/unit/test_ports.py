"""Who holds a port and which processes are a stack's, while processes come and go."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from vitals.host.ports import holders, listeners
from vitals.host.processes import marked


def test_a_process_that_ends_while_it_is_looked_at_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = psutil.Process

    def process(pid: int) -> psutil.Process:
        if pid == os.getpid():
            raise psutil.NoSuchProcess(pid)
        return real(pid)

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listeners()[port].pid == os.getpid()
        monkeypatch.setattr(psutil, "Process", process)
        assert port not in holders()
        assert port not in listeners()


def test_no_process_belongs_to_a_stack_without_a_name() -> None:
    """Whoever ends the processes of a stack would end all that have no mark."""
    with pytest.raises(ValueError, match="empty mark"):
        marked("")
