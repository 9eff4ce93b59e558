"""Ends a process whose event loop no longer turns: it takes connections, answers none, and looks well to who supervises it."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_logger = logging.getLogger(__name__)

STATUS = 70
"""What the process ends with: EX_SOFTWARE of sysexits.h."""

_LAST_WORDS_SECONDS = 5.0
"""How long logging, and sending what is buffered, may take: both may be what hangs."""

_FRAMES = 6


@contextmanager
def loop_watched(stall_seconds: float, last_words: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While inside, end the process with STATUS once the running event loop has not turned for `stall_seconds`; 0 is never.

    A critical log record says where the loop is, and `last_words` is called; together they have 5 s.
    Time is counted in ticks of the watchdog's own thread: a process that was stopped, or a machine that slept, has not stalled.
    Code that computes without giving the interpreter to any other thread (a regular expression that never ends) holds up the
    watchdog too: after twice as much processor time SIGPROF ends the process, with the traceback on stderr. Where the application
    uses SIGPROF itself, this is left out.
    """
    if stall_seconds <= 0:
        yield
        return
    watchdog = _Watchdog(asyncio.get_running_loop(), stall_seconds, last_words)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()


class _Watchdog(threading.Thread):
    def __init__(self, loop: asyncio.AbstractEventLoop, stall_seconds: float, last_words: Callable[[], None]) -> None:
        super().__init__(name="loop watchdog", daemon=True)
        self._loop = loop
        self._of_loop = threading.get_ident()
        self._seconds = stall_seconds
        self._tick = min(1.0, stall_seconds / 10)
        self._last_words = last_words
        self._turned = threading.Event()
        self._over = threading.Event()

        free = signal.getsignal(signal.SIGPROF) is signal.SIG_DFL and signal.getitimer(signal.ITIMER_PROF)[0] == 0
        self._stderr = sys.__stderr__
        self._by_signal = free and self._stderr is not None

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        if self._by_signal:
            assert self._stderr is not None  # noqa: S101 - looked at above
            faulthandler.register(signal.SIGPROF, self._stderr, all_threads=True, chain=True)
        self._watch()
        if self._by_signal:
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.unregister(signal.SIGPROF)

    def _watch(self) -> None:
        missed = 0
        self._ask()
        while not self._over.wait(self._tick):
            if self._by_signal:
                signal.setitimer(signal.ITIMER_PROF, 2 * self._seconds)
            if self._turned.is_set():
                missed = 0
                self._turned.clear()
                self._ask()
            elif (missed := missed + 1) * self._tick >= self._seconds:
                self._end()

    def _ask(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._turned.set)
        except RuntimeError:  # closed: the application ends
            self._over.set()

    def _end(self) -> None:
        said = threading.Thread(target=self._say, name="last words", daemon=True)
        said.start()
        said.join(_LAST_WORDS_SECONDS)
        os._exit(STATUS)  # nothing that is orderly works without the event loop

    def _say(self) -> None:
        doing = where(sys._current_frames().get(self._of_loop))
        _logger.critical(
            "The event loop has not turned for %.0f s, so this process ends with status %d. It is in %s",
            *(self._seconds, STATUS, doing),
        )
        if self._stderr is not None:
            faulthandler.dump_traceback(self._stderr, all_threads=True)
        self._last_words()


def where(frame: FrameType | None) -> str:
    """The innermost calls of a thread, the innermost first, in one line."""
    if frame is None:
        return "no Python code"
    calls = traceback.extract_stack(frame)[-_FRAMES:]
    return ", called from ".join(f"{call.name} ({call.filename}:{call.lineno})" for call in reversed(calls))
