"""The service behind a real server on loopback, for tests that speak to it with public clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import uvicorn

from vitals.app import create_app
from vitals.settings.service import Settings

from .conftest import meter_of_its_own


@contextmanager
def serving(folder: Path, root_path: str = "") -> Iterator[str]:
    """The service on a port of its own; gives its address without the scheme. root_path: uvicorn's option."""
    config = uvicorn.Config(create_app(Settings.load(model_dir=folder)), port=0, log_config=None, root_path=root_path)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    with meter_of_its_own():
        thread.start()
        _wait_until_started(server, thread)
    try:
        deadline = time.monotonic() + 30
        port = server.servers[0].sockets[0].getsockname()[1]
        address = f"127.0.0.1:{port}"
        while httpx.get(f"http://{address}/v2/health/ready").status_code != 200:
            assert time.monotonic() < deadline, "the model was not loaded"
            time.sleep(0.01)
        yield address
    finally:
        server.should_exit = True
        thread.join(30)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
