"""Whether a fault slowed the answers: the 99th percentile while it lasts against that of undisturbed times."""

from __future__ import annotations

import math
import statistics
import time

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

UNDISTURBED_SECONDS = 15.0


def before(load: Load) -> tuple[float, float]:
    """Let a new load go on until what it asks has settled; gives the undisturbed period after that."""
    load.wait(SETTLE_SECONDS)
    return undisturbed(load)


def undisturbed(load: Load) -> tuple[float, float]:
    """Let the load go on; gives a period that a fault is compared with."""
    return time.monotonic(), load.wait(UNDISTURBED_SECONDS)


def compared(load: Load, row: Row, undisturbed: list[tuple[float, float]], during: tuple[float, float]) -> bool:
    """Put both percentiles, and their ratio, into the row; gives whether the second is at most 1.5 times the first.

    Of several undisturbed periods the middle one counts: something else may have disturbed one of them.
    """
    calm, disturbed = statistics.median(load.p99(*one) for one in undisturbed), load.p99(*during)
    assert math.isfinite(calm), "without the fault there are answers"
    row.figures["p99_undisturbed_ms"] = milliseconds(calm)
    row.figures["p99_during_ms"] = milliseconds(disturbed)
    row.figures["p99_ratio"] = round(disturbed / calm, 2) if math.isfinite(disturbed) else "∞"
    return disturbed <= LIMIT * max(calm, FLOOR_SECONDS)


def milliseconds(seconds: float) -> float | str:
    """For a row: one request in a hundred without an answer is no number of JSON's."""
    return round(seconds * 1000, 1) if math.isfinite(seconds) else "∞"


def told(row: Row) -> str:
    """The comparison as a phrase of the row's text."""
    figures = row.figures
    return f"p99 {figures['p99_during_ms']} ms, {figures['p99_undisturbed_ms']} ms undisturbed ({figures['p99_ratio']} times)"
