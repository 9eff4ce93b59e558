"""The histograms of a model's calls and answers: their buckets, and what the meter provider has to know of `ml.*`."""

from __future__ import annotations

from opentelemetry.metrics import (
    Counter,
    Histogram,
    Meter,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from vitals.telemetry.defaults import REQUEST_SECONDS
from vitals.telemetry.fast_path.distributions import Definition

INFERENCE = Definition(
    "ml.inference.duration",
    "s",
    "Duration of one call of the model, for all rows of its batch.",
    (0.0001, 0.00025, *REQUEST_SECONDS[:-3]),
)
"""One call of the model is only a part of a request."""

BATCH_ROWS = Definition(
    "ml.inference.batch.size", "{row}", "Rows in one call of the model.", (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
)

CONFIDENCE = Definition(
    "ml.prediction.confidence",
    "1",
    "Probability of the predicted class.",
    (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0),
)
"""Buckets are finer where most predictions are."""


def made_by(meter: Meter, histogram: Definition) -> Histogram:
    """The same histogram as an instrument of the SDK."""
    return meter.create_histogram(
        histogram.name,
        unit=histogram.unit,
        description=histogram.description,
        explicit_bucket_boundaries_advisory=list(histogram.bounds),
    )


_SERIES = 1_000_000

VIEWS = (
    # Ours keep the buckets that they were made with, whatever OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION gives
    # to others: rules and dashboards ask for them.
    # The SDK folds what is over 2,000 series of an instrument into one. Ours are bounded where they are made, by the model's
    # profile, and a model with 200 features has more.
    View(
        instrument_name="ml.*",
        instrument_type=Histogram,
        aggregation=ExplicitBucketHistogramAggregation(),
        aggregation_cardinality_limit=_SERIES,
    ),
    *(
        View(instrument_name="ml.*", instrument_type=kind, aggregation_cardinality_limit=_SERIES)
        for kind in (Counter, ObservableCounter, ObservableGauge, ObservableUpDownCounter, UpDownCounter)
    ),
)
"""For `instrument(app, views=...)`."""
