"""What Prometheus has of a time in which it was away: the exemplars, and the longest time without a sample."""

from __future__ import annotations

import itertools

from ..stack.conftest import Stack

Exemplars = set[tuple[str, float]]
"""The trace id and time of each."""


def exemplars(stack: Stack, service: str, begin: float, end: float) -> Exemplars:
    """Those of the requests' duration in a period (seconds of the wall's clock)."""
    selector = f'http_server_request_duration_seconds_bucket{{job="{service}",http_route="/predict"}}'
    asked = {"query": selector, "start": str(begin), "end": str(end)}
    answer = stack.stores.prometheus.get("/api/v1/query_exemplars", params=asked).raise_for_status().json()
    return {
        (one["labels"]["trace_id"], float(one["timestamp"]))
        for series in answer["data"]
        for one in series["exemplars"]
        if begin <= float(one["timestamp"]) < end
    }


def longest_gap(stack: Stack, service: str, begin: float, end: float) -> float:
    """The longest time between two samples of one of the counter's series, in seconds."""
    promql = f'ml_predictions_total{{job="{service}"}}[{end - begin:.0f}s]'
    answer = stack.stores.prometheus.get("/api/v1/query", params={"query": promql, "time": str(end)}).raise_for_status().json()
    times = [[float(when) for when, _ in series["values"]] for series in answer["data"]["result"]]
    assert times, "there are samples"
    return max(after - before for one in times for before, after in itertools.pairwise(one))


def named(rate: float, usual: float) -> str:
    """What became of exemplars, in words: a tenth fewer is still the same, since an exemplar is one a bucket and second."""
    if rate >= 0.9 * usual:
        return "kept"
    return "lost" if rate < 0.1 * usual else f"kept in part ({rate / usual:.0%})"
