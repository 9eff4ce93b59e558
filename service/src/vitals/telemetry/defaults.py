"""What this project chooses where OpenTelemetry leaves the choice: used only for what the `OTEL_*` variables do not set.

The delays are short because a trace id is useful only once it can be looked up: small batches measured better than the
SDK's 512 every 5 s in both tail latency and freshness, and what a killed process has not sent is lost
(docs/decisions/freshness.md).
"""

from __future__ import annotations

import os

from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from vitals.otel_variables import forget_empty

REQUEST_SECONDS = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.0075,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
"""Buckets of `http.server.request.duration`: a service answers in milliseconds, where the SDK's own begin at 5 s."""

VIEWS = (
    View(
        instrument_name="http.server.request.duration",
        aggregation=ExplicitBucketHistogramAggregation(REQUEST_SECONDS),
    ),
    # Ours keep the buckets that they were made with, whatever OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION gives
    # to others: rules and dashboards ask for them.
    *(
        View(instrument_name=name, instrument_type=Histogram, aggregation=ExplicitBucketHistogramAggregation())
        for name in ("http.server.re*.body.size", "otel.sdk.*", "vitals.*")
    ),
)
"""What the meter provider changes about instruments."""

METRIC_INTERVAL_MILLIS = 1000
BATCH_DELAY_MILLIS = 100
BATCH_SIZE = 64
QUEUE_SIZE = 16384

BUFFER_BYTES = 64 * 1024**2
"""What is kept of each signal while the Collector is away: at 200 requests a second the spans of some four minutes."""

_VARIABLES = {
    # contrib still emits the old HTTP names unless told otherwise.
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
    # What the SDK's queues drop and its exporters fail at becomes a metric: a drop that nobody counts is a bug.
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
    "OTEL_BSP_SCHEDULE_DELAY": str(BATCH_DELAY_MILLIS),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": str(BATCH_SIZE),
    "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE_SIZE),
    "OTEL_BLRP_SCHEDULE_DELAY": str(BATCH_DELAY_MILLIS),
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": str(BATCH_SIZE),
    "OTEL_BLRP_MAX_QUEUE_SIZE": str(QUEUE_SIZE),
    "OTEL_METRIC_EXPORT_INTERVAL": str(METRIC_INTERVAL_MILLIS),
}


def apply() -> None:
    """Set the variables above where the operator has not: the SDK and contrib read them when their parts are made."""
    forget_empty()
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    for kind in ("BSP", "BLRP"):
        _fit_batch_into_queue(f"OTEL_{kind}_MAX_EXPORT_BATCH_SIZE", f"OTEL_{kind}_MAX_QUEUE_SIZE")


def _fit_batch_into_queue(batch: str, queue: str) -> None:
    """The SDK refuses a batch that is larger than the queue; where only the queue was chosen, our batch gives way."""
    chosen = os.environ[queue].strip()
    if os.environ[batch] == str(BATCH_SIZE) and chosen.isdecimal() and 0 < int(chosen) < BATCH_SIZE:
        os.environ[batch] = chosen
