"""A collection of metrics that is too large for a request goes in parts, of which none is lost or twice."""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData

from vitals.telemetry.delivery.splitting import halves, points


def _collected(*names: str) -> MetricsData:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    for number, name in enumerate(names):
        counter = provider.get_meter(f"scope {number % 2}").create_counter(name)
        for series in range(number + 1):
            counter.add(1, {"series": series})
    data = reader.get_metrics_data()
    assert data is not None
    return data


def _names(data: MetricsData) -> list[str]:
    return [one.name for resource in data.resource_metrics for scope in resource.scope_metrics for one in scope.metrics]


def test_two_halves_are_the_whole() -> None:
    whole = _collected("a", "b", "c", "d", "e")
    parts = halves(whole)
    assert parts is not None
    assert sorted(_names(parts[0]) + _names(parts[1])) == ["a", "b", "c", "d", "e"]
    assert points(parts[0]) + points(parts[1]) == points(whole) == 15
    for part in parts:
        assert part.resource_metrics[0].resource == whole.resource_metrics[0].resource


def test_one_metric_has_no_halves() -> None:
    assert halves(_collected("a")) is None
