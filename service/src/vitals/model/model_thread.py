"""The thread that long calls of the model run in.

Not an executor: the interpreter waits for an executor's threads when it ends, and a model that hangs would keep the process for
ever.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue


class ModelThread:
    """One thread, started with the first job, that does one job at a time. Its methods are called on the event loop's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, job: Callable[[], Callable[[], None]]) -> None:
        """Call `job` in the thread, and then what it returns on the event loop. `job` raises nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="model", daemon=True)
            self._thread.start()

        def work() -> None:
            after = job()
            with suppress(RuntimeError):  # the event loop was closed meanwhile: nobody waits any more
                self._loop.call_soon_threadsafe(after)

        self._jobs.put(work)

    def end(self) -> None:
        """Let the thread end after the job that it has; nothing waits for that."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
