"""Calls and durations by span, as the real Collector counts them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from vitals.settings.stack import StackSettings

from .test_collector_at_work import as_dict, attributes, span

CALLS = "traces.span.metrics.calls"


def _of(instance: int, number: int) -> dict[str, Any]:
    resource = {"attributes": attributes(**{"service.name": "fleet", "service.instance.id": f"instance-{instance}"})}
    return {"resource": resource, "scopeSpans": [{"scope": {"name": "t"}, "spans": [span(number)]}]}


def _counted(requests: list[dict[str, Any]]) -> dict[str, int]:
    """The latest count of each instance."""
    latest: dict[str, int] = {}
    for request in requests:
        for of_resource in request["resourceMetrics"]:
            instance = as_dict(of_resource["resource"].get("attributes", [])).get("service.instance.id", "")
            for scope in of_resource["scopeMetrics"]:
                for metric in (one for one in scope["metrics"] if one["name"] == CALLS):
                    latest[instance] = sum(int(point["asInt"]) for point in metric["sum"]["dataPoints"])
    return latest


@pytest.mark.slow
def test_each_of_hundreds_of_instances_is_counted_exactly(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    """In any order, and over more than one report: an instance that was forgotten in between would begin anew."""
    instances, rounds = 300, 2
    files = ["metrics/prometheus", "traces/elasticsearch", "traces/jaeger", "logs/elasticsearch"]
    with run_collector(StackSettings.load(), files) as collector:
        for number in range(rounds):
            order = random.sample(range(instances), instances)
            for begin in range(0, instances, 50):
                some = order[begin : begin + 50]
                collector.send("traces", {"resourceSpans": [_of(one, number * instances + one + 1) for one in some]})
            expected = {f"instance-{one}": number + 1 for one in range(instances)}
            wait_for(lambda expected=expected: _counted(collector.got("metrics/prometheus")) == expected)
