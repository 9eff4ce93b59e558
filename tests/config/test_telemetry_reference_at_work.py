"""What the real Collector makes of spans, and measures of its machine, is what the telemetry reference says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vitals.settings.stack import StackSettings
from vitals_dev.telemetry_reference.host_metrics import HOST
from vitals_dev.telemetry_reference.metrics import SPAN_METRICS

from .test_collector_at_work import attributes, span

MADE_HERE = {metric.name: metric for metric in (*SPAN_METRICS, *HOST)}
MACHINES = ("system.disk.", "system.filesystem.", "system.network.", "system.paging.")
"""Metrics that a machine may lack a device for."""


def _of(metric: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Its kind, and its points."""
    [data] = [kind for kind in ("sum", "gauge", "histogram") if kind in metric]
    kind = ("counter" if metric["sum"].get("isMonotonic") else "up-down counter") if data == "sum" else data
    return kind, metric[data]["dataPoints"]


def _metrics(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for request in requests for r in request["resourceMetrics"] for s in r["scopeMetrics"] for one in s["metrics"]]


def test_metrics_of_spans_and_of_the_machine(run_collector: Callable[..., Any], wait_for: Callable[..., Any]) -> None:
    files = ["metrics/prometheus", "traces/elasticsearch", "traces/jaeger", "logs/elasticsearch"]
    often = {"host_metrics": {"collection_interval": "1s"}}
    request = span(1, **{"http.request.method": "POST", "http.route": "/predict", "http.response.status_code": 200})
    resource = {"attributes": attributes(**{"service.name": "tested"})}
    found: dict[str, set[str]] = {}
    with run_collector(StackSettings.load(), files, receivers=often) as collector:
        collector.send("traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [request]}]}]})

        def all_there() -> bool:
            for metric in _metrics(collector.got("metrics/prometheus")):
                kind, points = _of(metric)
                row = MADE_HERE[metric["name"]]
                assert (kind, metric.get("unit", "")) == (row.kind, row.unit), row.name
                found.setdefault(row.name, set()).update(one["key"] for point in points for one in point.get("attributes", []))
            return found.keys() >= {name for name in MADE_HERE if not name.startswith(MACHINES)}

        wait_for(all_there)
    for name, keys in found.items():
        assert keys == set(MADE_HERE[name].attributes), name
