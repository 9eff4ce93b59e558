"""The seam: everything that one request's prediction leaves in telemetry is written here, and nowhere else.

What a request costs in telemetry is decided behind these methods; no route, model or monitoring code reaches around them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.semconv.attributes.otel_attributes import OTEL_EVENT_NAME
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode

from vitals.telemetry import defaults
from vitals.telemetry.runtime import Telemetry

_logger = logging.getLogger("vitals.request")

MAX_FIELDS = 20
"""Fields of one refused request that its log record names."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered prediction, as telemetry knows it."""

    id: str
    predicted: str
    confidence: float


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What ties a request to the batch that serves it."""

    span_context: SpanContext


class Recorder:
    """Writes a request's span attributes, metrics and log record, and the span of the batch that served it."""

    def __init__(self, telemetry: Telemetry, *, model_name: str, model_version: str) -> None:
        self._model = {"ml.model.name": model_name, "ml.model.version": model_version}
        self._tracer = telemetry.tracer
        self._events = telemetry.event_logger
        meter = telemetry.meter
        self._inference = meter.create_histogram(
            "ml.inference.duration",
            unit="s",
            description="Duration of one call of the model, for all rows of its batch.",
            explicit_bucket_boundaries_advisory=list(defaults.INFERENCE_SECONDS),
        )
        self._rows = meter.create_histogram(
            "ml.inference.batch.size",
            unit="{row}",
            description="Rows in one call of the model.",
            explicit_bucket_boundaries_advisory=list(defaults.BATCH_ROWS),
        )
        self._confidence = meter.create_histogram(
            "ml.prediction.confidence",
            unit="1",
            description="Probability of the predicted class.",
            explicit_bucket_boundaries_advisory=list(defaults.CONFIDENCE),
        )

    def request(self) -> RequestContext:
        """The current request, for the batch that will serve it."""
        return RequestContext(trace.get_current_span().get_span_context())

    def prediction(self, made: Prediction) -> None:
        """Write the current request's prediction: on its span, into the confidence histogram, as one `ml.prediction` event."""
        attributes: dict[str, str | float] = {
            **self._model,
            "ml.prediction.id": made.id,
            "ml.prediction.class": made.predicted,
            "ml.prediction.confidence": made.confidence,
        }
        trace.get_current_span().set_attributes(attributes)
        self._confidence.record(made.confidence, self._model)
        now = time.time_ns()
        self._events.emit(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body=f"predicted {made.predicted} with confidence {made.confidence:.3f}",
                attributes=attributes,
                event_name="ml.prediction",
            )
        )

    def refused(self, fields: Sequence[tuple[str, str]]) -> None:
        """Log that the current request's input failed validation: (field, reason) pairs, never the values."""
        named = fields[:MAX_FIELDS]
        _logger.warning(
            "input refused: %s",
            ", ".join(f"{field} {reason}" for field, reason in named),
            extra={
                OTEL_EVENT_NAME: "ml.validation.failed",
                "ml.validation.fields": [field for field, _ in named],
                "ml.validation.reasons": [reason for _, reason in named],
                **self._model,
            },
        )

    @contextmanager
    def batch(self, requests: Sequence[RequestContext]) -> Iterator[None]:
        """One call of the model: a `predict batch` span, its duration and size.

        The span links to every request it serves. Its parent is the first of them that is sampled, so a request that was alone
        in its batch has the whole story in one trace.
        """
        contexts = [request.span_context for request in requests if request.span_context.is_valid]
        span = self._tracer.start_span(
            "predict batch",
            context=_parent(contexts),
            kind=SpanKind.INTERNAL,
            links=[Link(context) for context in contexts],
            attributes={**self._model, "ml.inference.batch.size": len(requests)},
        )
        in_span = trace.set_span_in_context(span)
        start = time.perf_counter()
        try:
            yield
        except Exception as failed:
            span.record_exception(failed)
            span.set_status(Status(StatusCode.ERROR, type(failed).__name__))
            raise
        finally:
            self._inference.record(time.perf_counter() - start, self._model, context=in_span)
            self._rows.record(len(requests), self._model, context=in_span)
            span.end()


def _parent(contexts: Sequence[SpanContext]) -> Context:
    chosen = next((context for context in contexts if context.trace_flags.sampled), None) or next(iter(contexts), None)
    return Context() if chosen is None else trace.set_span_in_context(NonRecordingSpan(chosen), Context())
