"""The seam: everything that one request's prediction leaves in telemetry is written here, and nowhere else.

What a request costs in telemetry is decided behind these methods; no route, model or monitoring code reaches around them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.semconv.attributes.otel_attributes import OTEL_EVENT_NAME
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode

from vitals.model_events.histograms import BATCH_ROWS, CONFIDENCE, INFERENCE, made_by
from vitals.model_events.named_model import CALL, EVENT, NamedModel
from vitals.model_events.prediction import Label, LoggedRows, Prediction
from vitals.model_events.prediction_event import PredictionEvent, attributes_of, sentence_of, uid_of
from vitals.telemetry.fast_path.span import RequestSpan
from vitals.telemetry.logs.logging_signal import RECORD_UID
from vitals.telemetry.runtime import Telemetry
from vitals.telemetry.trace_id import trace_id_of

_logger = logging.getLogger("vitals.request")

MAX_FIELDS = 20
"""Fields of one refused request that its log record names."""


@dataclass(slots=True)
class RequestContext:
    """What ties a request to the batch that serves it."""

    span: Span
    rows: int

    @property
    def trace_id(self) -> str | None:
        """As `current_trace_id()` of the request."""
        return trace_id_of(self.span)


class Recorder:
    """Writes a request's span attributes, metrics and log record, and the span of the batch that served it."""

    def __init__(self, telemetry: Telemetry, *, model_name: str, model_version: str) -> None:
        self._model = {"ml.model.name": model_name, "ml.model.version": model_version}
        self._named = NamedModel(self._model, self._model)
        self._telemetry = telemetry
        self._off = telemetry.disabled
        self._tracer = telemetry.tracer
        self._events = telemetry.event_logger
        meter = telemetry.meter
        self._inference, self._rows, self._confidence = (made_by(meter, one) for one in (INFERENCE, BATCH_ROWS, CONFIDENCE))

    def answered_by(self, runtime: str) -> None:
        """Name what answers, a library with its version, on every span of a prediction from now on."""
        self._named = NamedModel({**self._model, "ml.model.runtime": runtime}, self._model)

    def request(self, rows: int) -> RequestContext:
        """The current request, which asks for `rows` rows, for the batch that will serve it."""
        return RequestContext(trace.get_current_span(), rows)

    def predictions(self, asked: RequestContext, made: Sequence[Prediction], *, features: LoggedRows | None = None) -> None:
        """Write a request's answers: on its span, into the confidence histogram, as one `ml.prediction` event.

        Several rows are arrays, in their order. features: the rows that were asked for, for the event alone.
        """
        if self._off:
            return
        span = asked.span
        fast_path = self._telemetry.fast_path
        if fast_path is not None:
            event = PredictionEvent(made, features, self._named, time.time_ns())
            if type(span) is RequestSpan and span.carry(event):
                return
            fast_path.measure(event.measured())
        said = attributes_of(made)
        span.set_attributes({**self._named.on_span, **said})
        attributes: dict[str, Any] = {**self._model, **said}
        for one in made if fast_path is None else ():
            if one.confidence is not None:
                self._confidence.record(one.confidence, self._model)
        if features is not None:
            attributes["ml.prediction.features"] = features.text
            if features.omitted:
                attributes["ml.prediction.features_omitted"] = features.omitted
        attributes[RECORD_UID] = uid_of(EVENT, made[0].id)
        self._emit(EVENT, sentence_of(made), attributes)

    def label(self, given: Label) -> None:
        """Write the true value of an earlier answer as one `ml.label` event.

        Its id comes from the prediction's: a store that has it takes it no second time, whichever replica sends it.
        """
        attributes: dict[str, Any] = {
            **self._model,
            "ml.model.version": given.model_version,
            "ml.prediction.id": given.prediction_id,
            "ml.label.value": str(given.label),  # text always, since a field of a store has one type
            RECORD_UID: uid_of("ml.label", given.prediction_id),
        }
        if isinstance(given.predicted, str):
            attributes["ml.prediction.class"] = given.predicted
        else:
            attributes["ml.prediction.value"] = given.predicted
        if given.correct is not None:
            attributes["ml.label.correct"] = given.correct
        self._emit("ml.label", f"label {given.label} for a prediction of {given.predicted}", attributes)

    def canary(self) -> None:
        """Write the log record of a request that is made to be followed, as one `vitals.canary` event, whatever LOG_LEVEL is."""
        self._emit("vitals.canary", "canary", {})

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

    def batch(self, requests: Sequence[RequestContext]) -> AbstractContextManager[None]:
        """One call of the model: a `predict batch` span, its duration and size.

        The span links to every request it serves. Its parent is the first of them that is sampled, so a request that was alone
        in its batch has the whole story in one trace.
        """
        return _NOTHING if self._off else _Call(self._called, requests)

    def _called(self, requests: Sequence[RequestContext], begun: int, seconds: float, failed: BaseException | None) -> None:
        rows = sum([request.rows for request in requests])
        spans = [request.span for request in requests]
        fast_path, context = self._telemetry.fast_path, None
        usual = failed is None and all(type(span) is RequestSpan and not span.trace_state for span in spans)
        if fast_path is None or not usual:
            span = self._span_of_call(spans, rows, begun, failed)
            span.end()
            context = span.get_span_context()
            if fast_path is None:
                in_span = trace.set_span_in_context(span)
                self._inference.record(seconds, self._model, context=in_span)
                self._rows.record(rows, self._model, context=in_span)
                return
        model = self._named
        fast_path.linked(
            [span for span in spans if type(span) is RequestSpan],
            model.call,
            start=begun,
            end=time.time_ns(),
            attributes=((BATCH_ROWS.name, rows),),
            measured=((model.seconds, seconds), (model.rows, rows)),
            made_by_sdk=context,
        )

    def _span_of_call(self, served: Sequence[Span], rows: int, begun: int, failed: BaseException | None) -> Span:
        contexts = [context for span in served if (context := span.get_span_context()).is_valid]
        span = self._tracer.start_span(
            CALL,
            context=_parent(contexts),
            kind=SpanKind.INTERNAL,
            links=[Link(context) for context in contexts],
            attributes={**self._named.on_span, "ml.inference.batch.size": rows},
            start_time=begun,
        )
        if failed is not None:
            span.record_exception(failed)
            span.set_status(Status(StatusCode.ERROR, type(failed).__name__))
        return span

    def _emit(self, event: str, body: str, attributes: dict[str, Any]) -> None:
        now = time.time_ns()
        self._events.emit(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body=body,
                attributes=attributes,
                event_name=event,
            )
        )


class _Call:
    """While the model is called; `contextlib` makes the same in three times the time."""

    __slots__ = ("_begun", "_called", "_requests", "_start")

    def __init__(
        self,
        called: Callable[[Sequence[RequestContext], int, float, BaseException | None], None],
        requests: Sequence[RequestContext],
    ) -> None:
        self._called, self._requests = called, requests

    def __enter__(self) -> None:
        self._begun, self._start = time.time_ns(), time.perf_counter()

    def __exit__(self, kind: object, failed: BaseException | None, trace: object) -> None:
        self._called(self._requests, self._begun, time.perf_counter() - self._start, failed)


_NOTHING = nullcontext()


def _parent(contexts: Sequence[SpanContext]) -> Context:
    chosen = next((context for context in contexts if context.trace_flags.sampled), None) or next(iter(contexts), None)
    return Context() if chosen is None else trace.set_span_in_context(NonRecordingSpan(chosen), Context())
