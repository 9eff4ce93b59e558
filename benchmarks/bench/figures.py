"""Single figures out of the JSON: ratios are paired by round, and what the sink did not confirm is no figure."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.bench.variants import BASELINE

MANY = 50_000
"""Requests from which on p99.9 says something: fifty of them are beyond it."""

Result = dict[str, Any]


def cell(result: Result, variant: str, workload: str, kind: str, amount: int) -> dict[str, Any] | None:
    """The cell, whether it counts or not; None where it was not measured."""
    wanted = (variant, workload, kind, amount)
    return next(
        (one for one in result["cells"] if tuple(one[key] for key in ("variant", "workload", "kind", "amount")) == wanted), None
    )


def counting_cell(result: Result, variant: str, workload: str, kind: str, amount: int) -> dict[str, Any] | None:
    """The cell, if it counts."""
    found = cell(result, variant, workload, kind, amount)
    return found if found and not found["refused"] else None


def median_of(found: dict[str, Any] | None, key: str) -> float | None:
    """The median of the rounds."""
    return float(statistics.median(one[key] for one in found["rounds"])) if found else None


def ratio(
    result: Result, variant: str, amount: int, *, workload: str = "iris", of: str = BASELINE, key: str = "rate"
) -> float | None:
    """The median of one variant's rate over another's, round by round, with so many connections."""
    upper, lower = (counting_cell(result, name, workload, "closed", amount) for name in (variant, of))
    if not upper or not lower:
        return None
    pairs = zip(upper["rounds"], lower["rounds"], strict=False)
    return float(statistics.median(one[key] / other[key] for one, other in pairs))


def added_cpu(result: Result, variant: str, workload: str, amount: int = 16) -> float | None:
    """Processor microseconds a request more than the baseline: the median of the differences, round by round."""
    upper, lower = (counting_cell(result, name, workload, "closed", amount) for name in (variant, BASELINE))
    if not upper or not lower:
        return None
    pairs = zip(upper["rounds"], lower["rounds"], strict=False)
    return float(statistics.median(one["cpu_us"] - other["cpu_us"] for one, other in pairs))


def percentile_ms(found: dict[str, Any] | None, name: str) -> float | None:
    """A latency in milliseconds: of all requests (open loop) or the median of the rounds; p99.9 of many requests only."""
    if not found or (name == "p999" and found["answered"] < MANY):
        return None
    if "latency_ms" in found:
        return float(found["latency_ms"][name])
    return median_of(found, name) if name in found["rounds"][0] else None


def ready_seconds(result: Result, variant: str) -> float | None:
    """The median of its starts."""
    starts = result["variants"].get(variant, {}).get("ready_seconds")
    return statistics.median(starts) if starts else None


def resident_mb(result: Result, variant: str) -> float | None:
    """Memory once it is warm."""
    found: float | None = result["variants"].get(variant, {}).get("resident_mb")
    return found
