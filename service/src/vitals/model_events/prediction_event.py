"""What a request's predictions leave: attributes of its span, and one `ml.prediction` log record, encoded field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitals.model_events.named_model import EVENT, EVENT_NAME, NamedModel, uid_bytes
from vitals.model_events.prediction import LoggedRows, Prediction
from vitals.telemetry.fast_path import record, wire
from vitals.telemetry.fast_path.distributions import Measurement
from vitals.telemetry.fast_path.request_event import LOG_TRACE_FLAGS, SEVERITY_INFO


@dataclass(slots=True)
class PredictionEvent:
    """The answers of one request; features: the rows, where they are logged. at: nanoseconds since 1970."""

    made: Sequence[Prediction]
    features: LoggedRows | None
    model: NamedModel
    at: int

    def encoded(self, packed: bytes) -> tuple[bytes, Sequence[bytes]]:
        """The log record with its tag, and the attributes of the span in pieces. packed: the record of the span."""
        made, model = self.made, self.model
        if len(made) == 1 and self.features is None:
            one = made[0]
            if (
                type(one.predicted) is str and one.confidence is not None and 0 <= one.confidence <= 1
            ):  # else its text may be longer
                prediction_id = one.id.encode("utf-8", "replace")
                return model.of_class(one.predicted, len(prediction_id)).encoded(self.at, prediction_id, one.confidence, packed)
        return _log(self, packed), (model.span_field, wire.attributes(wire.SPAN_ATTRIBUTE, attributes_of(made)))

    def span_attributes(self) -> Mapping[str, Any]:
        """The same attributes, for a span that the SDK encodes."""
        return {**self.model.on_span, **attributes_of(self.made)}

    def measured(self) -> Sequence[Measurement]:
        """The confidence of each answer that has one."""
        key = self.model.confidence
        return [(key, one.confidence) for one in self.made if one.confidence is not None]


def attributes_of(made: Sequence[Prediction]) -> dict[str, Any]:
    """`ml.prediction.*` of one answer, or of several as arrays in their order."""
    value = "ml.prediction.class" if isinstance(made[0].predicted, str) else "ml.prediction.value"
    columns: dict[str, list[Any]] = {"ml.prediction.id": [one.id for one in made], value: [one.predicted for one in made]}
    if all(one.confidence is not None for one in made):
        columns["ml.prediction.confidence"] = [one.confidence for one in made]
    return {name: column if len(made) > 1 else column[0] for name, column in columns.items()}


def sentence_of(made: Sequence[Prediction]) -> str:
    """The log record's text."""
    if len(made) > 1:
        return f"predicted {len(made)} rows"
    [one] = made
    if one.confidence is None:
        return f"predicted {one.predicted}"
    return f"predicted {one.predicted} with confidence {one.confidence:.3f}"


def uid_of(event: str, prediction_id: str) -> str:
    """The same for the same event of the same prediction: a store that has it takes it no second time."""
    return uid_bytes(event.encode(), prediction_id.encode("utf-8", "replace")).decode()


def _log(event: PredictionEvent, packed: bytes) -> bytes:
    made, rows, at = event.made, event.features, event.at.to_bytes(8, "little")
    parts = [
        b"\x09" + at,
        SEVERITY_INFO,
        wire.sized(b"\x2a", wire.text(b"\x0a", sentence_of(made))),
        event.model.log_field,
        wire.attributes(wire.LOG_ATTRIBUTE, attributes_of(made)),
        wire.attribute(wire.LOG_ATTRIBUTE, "log.record.uid", uid_of(EVENT, made[0].id)),
    ]
    if rows is not None:
        parts.append(wire.attribute(wire.LOG_ATTRIBUTE, "ml.prediction.features", rows.text))
        if rows.omitted:
            parts.append(wire.attribute(wire.LOG_ATTRIBUTE, "ml.prediction.features_omitted", rows.omitted))
    parts += [b"\x45", LOG_TRACE_FLAGS[packed[-1]], b"\x4a\x10", packed[record.TRACE_ID], b"\x52\x08", packed[record.SPAN_ID]]
    parts += [b"\x59", at, EVENT_NAME]
    return wire.sized(wire.LOG_RECORD, b"".join(parts))
