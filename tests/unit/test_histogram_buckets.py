"""Our histograms keep the buckets that rules and dashboards ask for, whatever the operator chooses for others."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import ExponentialHistogram, InMemoryMetricReader
from opentelemetry.sdk.metrics.export import Histogram as ExplicitHistogram
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

from vitals.model_events import histograms
from vitals.telemetry import defaults
from vitals.telemetry.defaults import REQUEST_SECONDS

ADVISED = [1.0, 2.0, 3.0]
OURS = {
    "http.server.request.duration": REQUEST_SECONDS,
    **dict.fromkeys(("http.server.request.body.size", "http.server.response.body.size"), tuple(ADVISED)),
    **dict.fromkeys(("ml.inference.duration", "ml.inference.batch.size", "ml.prediction.confidence"), tuple(ADVISED)),
    **dict.fromkeys(("vitals.freshness", "otel.sdk.exporter.operation.duration"), tuple(ADVISED)),
}


@pytest.mark.parametrize("exponential", [True, False])
def test_whatever_is_the_default(exponential: bool) -> None:
    chosen = {Histogram: ExponentialBucketHistogramAggregation()} if exponential else None
    reader = InMemoryMetricReader(preferred_aggregation=chosen)
    meter = MeterProvider([reader], views=[*defaults.VIEWS, *histograms.VIEWS], shutdown_on_exit=False).get_meter("test")
    for name in (*OURS, "shop.basket"):
        meter.create_histogram(name, explicit_bucket_boundaries_advisory=ADVISED).record(1)
    meter.create_counter("ml.predictions").add(1)
    data = reader.get_metrics_data()
    assert data is not None
    found = [metric for one in data.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]
    kinds = {metric.name: metric.data for metric in found}
    assert len(found) == len(kinds) == len(OURS) + 2, "one stream each"
    for name, bounds in OURS.items():
        histogram = kinds[name]
        assert isinstance(histogram, ExplicitHistogram)
        assert tuple(histogram.data_points[0].explicit_bounds) == tuple(bounds)
    assert isinstance(kinds["shop.basket"], ExponentialHistogram) is exponential
