"""What a request's predictions leave: attributes of its span, and one `ml.prediction` log record, encoded field by field."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitals.telemetry.fast_path import wire
from vitals.telemetry.fast_path.named_model import NamedModel

if TYPE_CHECKING:
    from vitals.telemetry.recorder import LoggedRows, Prediction

_INFO = b"\x10\x09" + wire.text(b"\x1a", "INFO")
_EVENT = "ml.prediction"
_EVENT_NAME = wire.text(b"\x62", _EVENT)
_as_double = struct.Struct("<d").pack


@dataclass(slots=True)
class Predicted:
    """The answers of one request; features: the rows, where they are logged. at: nanoseconds since 1970."""

    made: Sequence[Prediction]
    features: LoggedRows | None
    model: NamedModel
    at: int


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
    return hashlib.blake2b(f"{event} {prediction_id}".encode(), digest_size=16).hexdigest()


def on_span(predicted: Predicted) -> Iterable[bytes]:
    """The span's attributes, in pieces."""
    made = predicted.made
    if len(made) == 1 and isinstance(of_class := made[0].predicted, str) and (confidence := made[0].confidence) is not None:
        prediction_id = made[0].id.encode("utf-8", "replace")
        return predicted.model.of_class(of_class, len(prediction_id)).span(prediction_id, _as_double(confidence))
    return predicted.model.span_field, _encoded(made, wire.SPAN_ATTRIBUTE)


def as_log(predicted: Predicted, trace_id: bytes, span_id: bytes, trace_flags: bytes) -> bytes:
    """The log record, with its tag. trace_flags: four bytes, the lowest first."""
    made, rows, at = predicted.made, predicted.features, predicted.at.to_bytes(8, "little")
    uid = uid_of(_EVENT, made[0].id).encode()
    if rows is None and len(made) == 1 and isinstance(of_class := made[0].predicted, str):
        confidence = made[0].confidence
        if confidence is not None and 0 <= confidence <= 1:  # else its text may be longer
            prediction_id = made[0].id.encode("utf-8", "replace")
            template = predicted.model.of_class(of_class, len(prediction_id))
            text = b"%.3f" % confidence
            return template.log(at, text, prediction_id, _as_double(confidence), uid, trace_flags, trace_id, span_id)
    parts = [
        b"\x09" + at,
        _INFO,
        wire.sized(b"\x2a", wire.text(b"\x0a", sentence_of(made))),
        predicted.model.log_field,
        _encoded(made, wire.LOG_ATTRIBUTE),
        wire.attribute(wire.LOG_ATTRIBUTE, "log.record.uid", uid.decode()),
    ]
    if rows is not None:
        parts.append(wire.attribute(wire.LOG_ATTRIBUTE, "ml.prediction.features", rows.text))
        if rows.omitted:
            parts.append(wire.attribute(wire.LOG_ATTRIBUTE, "ml.prediction.features_omitted", rows.omitted))
    parts += [b"\x45", trace_flags, b"\x4a\x10", trace_id, b"\x52\x08", span_id, b"\x59", at, _EVENT_NAME]
    return wire.sized(wire.LOG_RECORD, b"".join(parts))


def _encoded(made: Sequence[Prediction], tag: bytes) -> bytes:
    return b"".join([wire.attribute(tag, key, value) for key, value in attributes_of(made).items()])
