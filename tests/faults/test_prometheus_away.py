"""Prometheus killed and away for two minutes: its counters have no gap afterwards, and the exemplars of that time are counted."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from ..stack.conftest import Stack
from . import latency
from .accountant import balance
from .conftest import Fault
from .engines import dead, ready
from .load import Load

SERVICE = "prometheus-away"
AWAY_SECONDS = 120
LONGEST_GAP_SECONDS = 5
"""Samples come once a second; an export that fails and is repeated makes it a few."""


@pytest.mark.timeout(900)
def test_prometheus_away(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    with (
        fault(
            f"Prometheus killed -9 and away for {AWAY_SECONDS} s",
            must_show="no gap in counters' totals; exemplars of that time named as lost or kept",
        ) as row,
        stack.another_service(SERVICE) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            begun = time.time()
            calm = latency.before(load)
            exemplars_before = _exemplars(stack, begun, time.time())
            with dead(stack.settings.prometheus_port):
                away, gone = time.monotonic(), time.time()
                back = load.wait(AWAY_SECONDS)
                returned = time.time()
            ready(stack, stack.settings.prometheus_port)
            load.wait(latency.BEFORE_SECONDS)
            ended = time.time()
        answers = load.answers()
        found = balance(stack, SERVICE, answers, within=120)
        quick = latency.compared(load, row, calm, (away, back))
        gap = _longest_gap(stack, begun, ended)
        kept = {
            "before": _exemplars(stack, begun, gone),
            "while away": _exemplars(stack, gone, returned),
            "after": _exemplars(stack, returned, ended),
        }
        usual = (len(kept["before"]) + len(kept["after"])) / (gone - begun + ended - returned)
        rate = len(kept["while away"]) / (returned - gone)
        survived = len(exemplars_before & kept["before"])
        answered = {one.trace_id for one in answers}
        row.figures |= {
            "answered": len(answers),
            "lost": found.lost,
            "longest_gap_s": round(gap, 1),
            "exemplars_while_away": len(kept["while away"]),
            "exemplars_a_second_while_away": round(rate, 2),
            "exemplars_a_second_otherwise": round(usual, 2),
            "exemplars_from_before": len(exemplars_before),
            "exemplars_from_before_still_there": survived,
        }
        row.seen = (
            f"{len(answers)} answered, counters' totals exact ({found.lost} off), longest gap between samples {gap:.1f} s; "
            f"exemplars of the outage {_named(rate, usual)}: {len(kept['while away'])}, {rate:.1f} a second, "
            f"otherwise {usual:.1f}; {survived} of {len(exemplars_before)} from before were still there; {latency.told(row)}"
        )
        print(found.table())
        assert all(one.ok for one in answers)
        assert found.complete, found.table()
        assert gap <= LONGEST_GAP_SECONDS, row.seen
        assert quick, row.seen
        assert {trace_id for trace_id, _ in kept["while away"]} <= answered, "an exemplar names a request that was answered"


def _named(rate: float, usual: float) -> str:
    """In words: a tenth fewer is still the same, since an exemplar is one a bucket and second."""
    if rate >= 0.9 * usual:
        return "kept"
    return "lost" if rate < 0.1 * usual else f"kept in part ({rate / usual:.0%})"


def _exemplars(stack: Stack, begin: float, end: float) -> set[tuple[str, float]]:
    """The trace id and time of each exemplar of the requests' duration in a period."""
    selector = f'http_server_request_duration_seconds_bucket{{job="{SERVICE}",http_route="/predict"}}'
    asked = {"query": selector, "start": str(begin), "end": str(end)}
    answer = stack.stores.prometheus.get("/api/v1/query_exemplars", params=asked).raise_for_status().json()
    return {
        (one["labels"]["trace_id"], float(one["timestamp"]))
        for series in answer["data"]
        for one in series["exemplars"]
        if begin <= float(one["timestamp"]) < end
    }


def _longest_gap(stack: Stack, begin: float, end: float) -> float:
    """The longest time between two samples of one of the counter's series, in seconds."""
    promql = f'ml_predictions_total{{job="{SERVICE}"}}[{end - begin:.0f}s]'
    answer = stack.stores.prometheus.get("/api/v1/query", params={"query": promql, "time": str(end)}).raise_for_status().json()
    times = [[float(when) for when, _ in series["values"]] for series in answer["data"]["result"]]
    assert times, "there are samples"
    return max(after - before for one in times for before, after in itertools.pairwise(one))
