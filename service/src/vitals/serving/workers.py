"""Several processes that serve one listening socket: started, looked after, replaced, and stopped in order."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection

import uvicorn

from vitals.serving.garbage import garbage_waits

_logger = logging.getLogger(__name__)

START_FAILED = 3
"""The status of a worker whose application did not start: it would not the next time either."""

_LOOK_SECONDS = 0.5
_QUICK_SECONDS = 5.0
"""A worker that dies before it is so old has its successor wait: 0.5 s, and twice as long each time, up to 30 s."""

_LONGEST_WAIT_SECONDS = 30.0

_spawn = get_context("spawn")


class Workers:
    """Looks after the workers, from the process that started them, which serves nothing itself."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, number: int, *, answer_seconds: float, stop_seconds: float
    ) -> None:
        """answer_seconds: a worker that has not answered for so long is killed; stop_seconds: how long a stop may take."""
        self._places = [_Place(config, listener) for _ in range(number)]
        self._answer_seconds = answer_seconds
        self._stop_seconds = stop_seconds
        self._ending = False
        self._renewing = False

    def run(self) -> bool:
        """Serve until SIGTERM or SIGINT; SIGHUP replaces the workers one by one. Gives whether every start succeeded."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_ending", True))
        signal.signal(signal.SIGHUP, lambda *_: setattr(self, "_renewing", True))
        failed = False
        while not (self._ending or failed):
            failed = not all(place.looked_after(self._answer_seconds) for place in self._places)
            if self._renewing and not failed:
                self._renewing = False
                self._renew()
            connection.wait([place.worker.process.sentinel for place in self._places if place.worker], _LOOK_SECONDS)
        self._stop([place.worker for place in self._places if place.worker])
        return not failed

    def _renew(self) -> None:
        """Each worker's successor serves before it goes; where one does not, the others stay as they are."""
        for place in self._places:
            before, new = place.worker, place.started()
            deadline = time.monotonic() + self._answer_seconds
            while not (new.serves or self._ending or time.monotonic() > deadline) and new.process.is_alive():
                new.answers(self._answer_seconds)
                time.sleep(_LOOK_SECONDS / 10)
            if not new.serves:
                _logger.error("The worker %s did not start to serve: those that serve stay.", new.process.pid)
                new.killed()
                place.worker = before
                return
            if before is not None:
                self._stop([before])

    def _stop(self, workers: list[_Worker]) -> None:
        for worker in workers:
            worker.process.terminate()
        deadline = time.monotonic() + self._stop_seconds
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.killed()


class _Place:
    """Where one worker is, or will be again."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        self._given = config, listener
        self._wait = 0.0
        self._not_before = 0.0
        self.worker: _Worker | None = None

    def started(self) -> _Worker:
        self.worker = _Worker(*self._given)
        return self.worker

    def looked_after(self, answer_seconds: float) -> bool:
        """Start a worker where there is none, or none that lives; False where its application does not start."""
        worker = self.worker
        if worker is None:
            if time.monotonic() >= self._not_before:
                self.started()
            return True
        if worker.process.is_alive():
            if worker.answers(answer_seconds):
                return True
            _logger.error("The worker %s has not answered for %.0f s and is killed.", worker.process.pid, answer_seconds)
        worker.killed()
        if worker.process.exitcode == START_FAILED:
            return False
        _logger.error("The worker %s has ended (%s); another takes its place.", worker.process.pid, worker.process.exitcode)
        quick = time.monotonic() - worker.since < _QUICK_SECONDS
        self._wait = min(_LONGEST_WAIT_SECONDS, max(_LOOK_SECONDS, 2 * self._wait)) if quick else 0.0
        self._not_before = time.monotonic() + self._wait
        self.worker = None
        return self.looked_after(answer_seconds)


class _Worker:
    """One process, and the pipe by which it is asked whether it lives."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        self._pipe, theirs = _spawn.Pipe()
        self.process = _spawn.Process(target=_work, args=(config, listener, theirs))
        self.process.start()
        theirs.close()  # the worker has its own: its end is the pipe's end
        self.since = time.monotonic()
        self.serves = False
        self._asked_at: float | None = None

    def answers(self, seconds: float) -> bool:
        """Ask whether it lives, waiting for nothing; False where it has not answered for `seconds`."""
        with suppress(EOFError, OSError):  # it is ending
            while self._pipe.poll():
                self.serves, self._asked_at = self._pipe.recv_bytes() == b"serves", None
            if self._asked_at is None:
                self._asked_at = time.monotonic()
                self._pipe.send_bytes(b"?")
        return self._asked_at is None or time.monotonic() - self._asked_at <= seconds

    def killed(self) -> None:
        """Make sure that it is gone."""
        self.process.kill()
        self.process.join()
        self._pipe.close()


def _work(config: uvicorn.Config, listener: socket.socket, pipe: Connection) -> None:
    """What a worker does, from its start to its end."""
    config.configure_logging()
    server = uvicorn.Server(config)
    threading.Thread(target=_answer, args=(pipe, server), name="answer the supervisor", daemon=True).start()
    with garbage_waits(), suppress(SystemExit, KeyboardInterrupt):  # uvicorn's own: whether it served says more
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(START_FAILED)


def _answer(pipe: Connection, server: uvicorn.Server) -> None:
    """Say that this process lives and whether it serves, as often as it is asked; where nobody asks any more, end in order."""
    with suppress(EOFError, OSError):
        while True:
            pipe.recv_bytes()
            pipe.send_bytes(b"serves" if server.started else b"starts")
    os.kill(os.getpid(), signal.SIGTERM)
