"""Where a call of the model runs: on the event loop where it is short, in a thread where it is long.

A thread costs a short call more than the call itself; on the event loop a long call keeps every other request waiting.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from vitals.model.call_time import CallTime
from vitals.model.served import Row, ServedModel

_logger = logging.getLogger(__name__)

LONG_SECONDS = 0.020
"""A call on the event loop that takes longer moves the model's calls to the thread."""

SHORT_SECONDS = 0.010
"""What a call on the event loop is expected to take at most: half of what it may, since rows and moments differ."""

SHORT_CALLS_TO_RETURN = 20
"""After so many short calls in a row the thread is left again: one slow moment of the machine is not for ever."""

_TRIALS = 3


class CallPace:
    """How many rows a call may have to run on the event loop, from what calls took. Used on the event loop's thread only."""

    def __init__(self, rows_on_loop: int, lone_seconds: float = 0.0) -> None:
        """rows_on_loop: the most rows that are expected to take SHORT_SECONDS; 0 for a model that is always asked in the thread.

        lone_seconds: what a call for one row takes.
        """
        self._rows_on_loop = rows_on_loop
        self.lone_seconds = lone_seconds
        self._to_prove = 0

    def on_loop(self, rows: int) -> bool:
        """Whether a call for so many rows runs on the event loop."""
        return not self._to_prove and rows <= self._rows_on_loop

    def took(self, rows: int, seconds: float) -> None:
        """Take account of one call, wherever it ran, by its own seconds."""
        if not self._to_prove:
            if seconds > LONG_SECONDS and rows <= self._rows_on_loop:
                self._to_prove = SHORT_CALLS_TO_RETURN
                _logger.info(
                    "A call of the model for %d rows held the event loop for %.0f ms: calls run in a thread "
                    "until %d in a row took less than %.0f ms.",
                    *(rows, seconds * 1000, SHORT_CALLS_TO_RETURN, SHORT_SECONDS * 1000),
                )
        elif rows <= self._rows_on_loop:
            self._to_prove = SHORT_CALLS_TO_RETURN if seconds > SHORT_SECONDS else self._to_prove - 1


def measured_pace(model: ServedModel, row: Row, *, max_size: int) -> CallPace:
    """The pace of `model` by calls for one `row` and for `max_size` of it; rows between are expected on the line between the two.

    Each is measured several times, so that what a first call sets up does not count. Raises what the model raises for one row.
    """
    alone = _seconds(model, [row])
    most = max_size
    if alone > SHORT_SECONDS:
        most = 0
    elif max_size > 1:
        try:
            full = _seconds(model, [row] * max_size)
        except Exception:  # a model that takes one row at a time only: its batches will be asked one by one
            full = math.inf
        if full > SHORT_SECONDS:
            most = 1 + int((SHORT_SECONDS - alone) / (full - alone) * (max_size - 1))
    where = f"on the event loop for up to {most} rows" if most else "in a thread"
    _logger.info("A call of the model for one row takes %.2f ms: it runs %s.", alone * 1000, where)
    return CallPace(most, alone)


def _seconds(model: ServedModel, rows: Sequence[Row]) -> float:
    """The shortest of a few calls: others' work on the machine only adds to it. One that is long by far is not repeated."""
    shortest = _once(model, rows)
    for _ in range(_TRIALS):
        if shortest > 100 * SHORT_SECONDS:
            break
        shortest = min(shortest, _once(model, rows))
    return shortest


def _once(model: ServedModel, rows: Sequence[Row]) -> float:
    time = CallTime()
    model.predict(rows)
    return time.own_seconds()
