"""How long a call took by its own doing: a machine that is busy, or a container at its CPU limit, makes every call look long."""

from __future__ import annotations

import resource
import time

_OF_THIS_THREAD = getattr(resource, "RUSAGE_THREAD", None)
"""Linux's; elsewhere the time on the clock is all that is known."""

_CERTAIN_SECONDS = 0.005
"""What is over in this time need not be looked at more closely."""


class CallTime:
    """Begins now, in the thread of the call."""

    __slots__ = ("_start", "_usage")

    def __init__(self) -> None:
        self._usage = None if _OF_THIS_THREAD is None else resource.getrusage(_OF_THIS_THREAD)
        self._start = time.perf_counter()

    def own_seconds(self) -> float:
        """Seconds since then. Where the thread has waited for nothing, only those that it had a processor for."""
        seconds = time.perf_counter() - self._start
        if seconds < _CERTAIN_SECONDS or self._usage is None or _OF_THIS_THREAD is None:
            return seconds
        now, then = resource.getrusage(_OF_THIS_THREAD), self._usage
        if now.ru_nvcsw > then.ru_nvcsw:  # it gave up the processor itself: for a file, a lock, other threads
            return seconds
        return min(seconds, now.ru_utime + now.ru_stime - then.ru_utime - then.ru_stime)
