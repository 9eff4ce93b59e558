"""What stands at /metrics for a Prometheus that pulls, on the real Collector."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from vitals.settings.stack import StackSettings

from .test_collector_at_work import attributes

_COUNTED = {"aggregationTemporality": 2, "isMonotonic": True}


def _metrics(name: str, **labels: str) -> dict[str, Any]:
    now = str(time.time_ns())
    common = {"startTimeUnixNano": now, "timeUnixNano": now, "attributes": attributes(**labels)}
    histogram = {"count": "2", "sum": 3.0, "bucketCounts": ["1", "1"], "explicitBounds": [1.0], **common}
    metrics = [
        {"name": name, "histogram": {"aggregationTemporality": 2, "dataPoints": [histogram]}},
        {
            "name": f"{name}.calls",
            "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [{"asInt": "7", **common}]},
        },
    ]
    resource = {"attributes": attributes(**{"service.name": name, "service.instance.id": "1"})}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "t"}, "metrics": metrics}]}]}


LABELS = ("le", "quantile", "__name__", "job", "instance", "otel_scope_name")


def test_a_label_that_is_prometheuss_own_costs_nobody_a_metric(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    settings = StackSettings.load(metrics_backend="prometheus-scrape")
    with run_collector(settings, ["traces/elasticsearch", "traces/jaeger", "logs/elasticsearch"]) as collector:
        url = f"http://127.0.0.1:{collector.environment['COLLECTOR_SCRAPE_PORT']}/metrics"

        def scraped() -> str:
            answer = httpx.get(url, timeout=5, headers={"accept": "application/openmetrics-text"})
            return answer.text if answer.status_code == 200 else ""

        collector.send("metrics", _metrics("well", kind="a"))
        names = {label: f"odd{number}" for number, label in enumerate(LABELS)}
        for label, name in names.items():
            collector.send("metrics", _metrics(name, **{label: "5", "kind": "b"}))
        wanted = [f"{name}_{end}" for name in ("well", *names.values()) for end in ("bucket", "calls_total")]
        text = wait_for(lambda: (text := scraped()) and all(one in text for one in wanted) and text, scraped)
    for label in LABELS[:-1]:
        assert f'exported_{label}="5"' in text
    for line in (one for one in text.splitlines() if "{" in one and not one.startswith("#")):
        labels = re.findall(r'(\w+)="', line)
        assert len(set(labels)) == len(labels), line
    families = {one.name for one in text_string_to_metric_families(text)}
    assert families >= {"well", "well_calls", *names.values(), *(f"{name}_calls" for name in names.values())}
