"""The supervisor of several workers, as a process of its own with a small application."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from vitals.host.processes import wait_until

from ..ports import free_ports

pytestmark = pytest.mark.slow

_PROGRAM = """
import asyncio, os, socket, sys, time

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        if os.environ.get("FAILS") == "start" or os.path.exists("broken"):
            open("refused", "a").write(f"{os.getpid()}\\n")
            await send({"type": "lifespan.startup.failed", "message": "on purpose"})
            return
        if os.environ.get("FAILS") == "at once":
            open("starts", "a").write(f"{time.time()}\\n")
            os._exit(7)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        open("ended", "a").write(f"{os.getpid()}\\n")
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/slow":
        open("asked", "w").close()
        await asyncio.sleep(1.5)
    if scope["path"] == "/stuck":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

if __name__ == "__main__":
    import uvicorn
    from vitals.serving.workers import Workers

    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    config = uvicorn.Config("program:application", lifespan="on", timeout_graceful_shutdown=5)
    fine = Workers(config, listener, 2, answer_seconds=float(sys.argv[2]), stop_seconds=8).run()
    sys.exit(0 if fine else 3)
"""


@contextmanager
def _running(folder: Path, *, answer_seconds: float = 30, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    (folder / "program.py").write_text(_PROGRAM)
    [port] = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "program.py", str(port), str(answer_seconds)], cwd=folder, env={**os.environ, **variables}
    )
    children: list[psutil.Process] = []
    try:
        yield process, port
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children()
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()


def _asked(port: int, path: str = "/") -> int | None:
    try:
        return int(httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10).text)
    except httpx.HTTPError:
        return None


def _serving(port: int, *, without: set[int] = frozenset()) -> set[int]:  # type: ignore[assignment]
    """The two workers that answer, none of them one of `without`."""
    found: set[int] = set()

    def both() -> bool:
        answered = _asked(port)
        if answered is not None and answered not in without:
            found.add(answered)
        return len(found) == 2

    assert wait_until(both, 60), found
    return found


def test_it_drains_and_ends_in_order(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, port):
        both = _serving(port)
        asked = subprocess.Popen(
            [sys.executable, "-c", f"import httpx2; print(httpx2.get('http://127.0.0.1:{port}/slow').text)"],
            stdout=subprocess.PIPE,
        )
        assert wait_until(lambda: (tmp_path / "asked").exists(), 30), "it is being answered"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert int(asked.communicate()[0]) in both
    assert {int(line) for line in (tmp_path / "ended").read_text().split()} == both


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_worker_that_is_gone_is_replaced(how: str, tmp_path: Path) -> None:
    with _running(tmp_path, answer_seconds=30 if how == "killed" else 4) as (_, port):
        victim, other = _serving(port)
        psutil.Process(victim).send_signal(signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        assert wait_until(lambda: not psutil.pid_exists(victim), 20)
        assert other in _serving(port, without={victim})


@pytest.mark.parametrize("when", ["at the first start", "when it is replaced"])
def test_an_application_that_does_not_start_ends_it(when: str, tmp_path: Path) -> None:
    with _running(tmp_path, **({"FAILS": "start"} if when == "at the first start" else {})) as (process, port):
        if when == "when it is replaced":
            both = _serving(port)
            (tmp_path / "broken").touch()
            psutil.Process(both.pop()).kill()
        assert process.wait(60) == 3


def test_one_that_dies_at_once_is_started_less_and_less_often(tmp_path: Path) -> None:
    with _running(tmp_path, FAILS="at once") as (process, _):
        assert wait_until(lambda: (tmp_path / "starts").exists(), 30)
        time.sleep(12)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    starts = len((tmp_path / "starts").read_text().split())
    assert 3 <= starts <= 12, "two places, each after 0, 0.5, 1, 2, 4, … s"


def test_new_workers_serve_before_the_old_ones_go(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, port):
        before = _serving(port)
        process.send_signal(signal.SIGHUP)
        deadline, refused = time.monotonic() + 60, 0
        while time.monotonic() < deadline and any(psutil.pid_exists(one) for one in before):
            refused += _asked(port) is None
        assert not before & _serving(port)
        assert refused == 0
        (tmp_path / "broken").touch()
        now = _serving(port)
        process.send_signal(signal.SIGHUP)
        assert wait_until(lambda: (tmp_path / "refused").exists(), 30), "a new one was tried"
        [tried] = (tmp_path / "refused").read_text().split()
        assert wait_until(lambda: not psutil.pid_exists(int(tried)), 20)
        assert _serving(port) == now, "those that can serve stay"


def test_workers_do_not_outlive_it(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, port):
        both = _serving(port)
        process.kill()
        assert wait_until(lambda: not any(psutil.pid_exists(one) for one in both), 20)


def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, port):
        both = _serving(port)
        stuck = _asked(port, "/stuck")
        assert stuck in both
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not psutil.pid_exists(stuck)
