"""Whether a fault slowed the answers: the 99th percentile while it lasts against the one directly before it."""

from __future__ import annotations

import math

from .load import Load
from .results import Row

LIMIT = 1.5
FLOOR_SECONDS = 0.010
"""What is below is taken for this: on two cores that the engines share, one turn of another process moves a p99 by some
milliseconds, so that 1.5 times 4 ms would judge the scheduler. A p99 of 15 ms passes therefore whatever it was before; the row
has both as measured."""

SETTLE_SECONDS = 25.0
"""What has just started answers slowly now and then, and a fault is not compared with that. At 200 requests a second a new
service's p99 was 28 to 46 ms in its first 25 seconds, 5 at a time, and 17 to 28 ms in each 5 seconds of the next 75."""

BEFORE_SECONDS = 15.0


def before(load: Load) -> tuple[float, float]:
    """Let the load go on undisturbed; gives the period that a fault is compared with."""
    begun = load.wait(SETTLE_SECONDS)
    return begun, load.wait(BEFORE_SECONDS)


def compared(load: Load, row: Row, undisturbed: tuple[float, float], during: tuple[float, float], suffix: str = "") -> bool:
    """Put both percentiles, and their ratio, into the row; gives whether the second is at most 1.5 times the first."""
    calm, disturbed = load.p99(*undisturbed), load.p99(*during)
    assert math.isfinite(calm), "before the fault there were answers"
    row.figures[f"p99_before_ms{suffix}"] = milliseconds(calm)
    row.figures[f"p99_during_ms{suffix}"] = milliseconds(disturbed)
    row.figures[f"p99_ratio{suffix}"] = round(disturbed / calm, 2) if math.isfinite(disturbed) else "∞"
    return disturbed <= LIMIT * max(calm, FLOOR_SECONDS)


def milliseconds(seconds: float) -> float | str:
    """For a row: one request in a hundred without an answer is no number of JSON's."""
    return round(seconds * 1000, 1) if math.isfinite(seconds) else "∞"


def told(row: Row, suffix: str = "") -> str:
    """The comparison as a phrase of the row's text."""
    figures = row.figures
    return (
        f"p99 {figures[f'p99_during_ms{suffix}']} ms, {figures[f'p99_before_ms{suffix}']} ms before"
        f" ({figures[f'p99_ratio{suffix}']} times)"
    )
