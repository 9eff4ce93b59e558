"""The garbage collector while a process starts, and afterwards: it never looks twice through what is there to stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 10_000
"""So many more objects than were freed, and Python looks for garbage among them; 700 by itself."""


@contextmanager
def garbage_waits() -> Iterator[None]:
    """No look for garbage until `spare_what_is_there`, or the end: a start makes little, and the looks took a sixth of it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def spare_what_is_there() -> None:
    """Keep what a start made, most of it modules, out of every later look for garbage, and look again from now on.

    There are a million objects by then: a full collection took 0.14 s, and nobody was answered meanwhile
    (benchmarks/garbage_pauses.py). And look less often: what telemetry keeps of a request for a tenth of a second was looked at
    once or twice in that time, and was no garbage yet.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    gc.enable()
