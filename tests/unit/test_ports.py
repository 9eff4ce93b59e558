"""Who holds a port, while processes come and go."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from vitals.host.ports import holders, listeners


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
