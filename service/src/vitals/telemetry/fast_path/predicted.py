"""What a request's predictions leave: attributes of its span, and one `ml.prediction` log record, encoded field by field."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitals.telemetry.fast_path import wire

if TYPE_CHECKING:
    from vitals.telemetry.recorder import LoggedRows, Prediction

_INFO = b"\x10\x09" + wire.text(b"\x1a", "INFO")
_EVENT = "ml.prediction"
_EVENT_NAME = wire.text(b"\x62", _EVENT)
_DOUBLE = struct.Struct("<d")


@dataclass(slots=True)
class Predicted:
    """The answers of one request. on_span, on_log, measured: what names the model there; at: nanoseconds since 1970."""

    made: Sequence[Prediction]
    features: LoggedRows | None
    on_span: Mapping[str, str]
    on_log: Mapping[str, str]
    measured: tuple[tuple[str, str | int], ...]
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


def on_span(predicted: Predicted) -> bytes:
    """The span's attributes."""
    named = b"".join([wire.repeated_attribute(wire.SPAN_ATTRIBUTE, *one) for one in predicted.on_span.items()])
    return named + _encoded(predicted.made, _SPAN)


def as_log(predicted: Predicted, trace_id: bytes, span_id: bytes, trace_flags: int) -> bytes:
    """The whole log record, without its tag."""
    made, rows = predicted.made, predicted.features
    parts = [
        b"\x09" + predicted.at.to_bytes(8, "little"),
        _INFO,
        wire.sized(b"\x2a", wire.text(b"\x0a", sentence_of(made))),
        *[wire.repeated_attribute(wire.LOG_ATTRIBUTE, *one) for one in predicted.on_log.items()],
        _encoded(made, _LOG),
        _LOG_UID(uid_of(_EVENT, made[0].id)),
    ]
    if rows is not None:
        parts.append(wire.attribute(wire.LOG_ATTRIBUTE, "ml.prediction.features", rows.text))
        if rows.omitted:
            parts.append(wire.attribute(wire.LOG_ATTRIBUTE, "ml.prediction.features_omitted", rows.omitted))
    parts += [b"\x45" + trace_flags.to_bytes(4, "little"), b"\x4a\x10", trace_id, b"\x52\x08", span_id]
    parts += [b"\x59" + predicted.at.to_bytes(8, "little"), _EVENT_NAME]
    return b"".join(parts)


def _text_attribute(tag: bytes, key: str) -> Callable[[str], bytes]:
    """Encodes an attribute whose texts mostly have the same length: all that comes before the text is remembered by it."""
    before: dict[int, bytes] = {}

    def encode(value: str) -> bytes:
        content = value.encode("utf-8", "replace")
        length = len(content)
        head = before.get(length)
        if head is None:
            whole = wire.attribute(tag, key, value)
            head = whole[: len(whole) - length]
            if length < 128:
                before[length] = head
        return head + content

    return encode


class _Tagged:
    """The encoders of the usual attributes of one prediction, for a span's tag or for a log record's."""

    def __init__(self, tag: bytes) -> None:
        self.tag = tag
        self.id = _text_attribute(tag, "ml.prediction.id")
        self.confidence = wire.attribute(tag, "ml.prediction.confidence", 0.0)[:-8]


_SPAN, _LOG = _Tagged(wire.SPAN_ATTRIBUTE), _Tagged(wire.LOG_ATTRIBUTE)
_LOG_UID = _text_attribute(wire.LOG_ATTRIBUTE, "log.record.uid")


def _encoded(made: Sequence[Prediction], tagged: _Tagged) -> bytes:
    if len(made) > 1:
        return b"".join([wire.attribute(tagged.tag, key, value) for key, value in attributes_of(made).items()])
    [one] = made
    if isinstance(one.predicted, str):
        value = wire.repeated_attribute(tagged.tag, "ml.prediction.class", one.predicted)
    else:
        value = wire.attribute(tagged.tag, "ml.prediction.value", one.predicted)
    if one.confidence is None:
        return tagged.id(one.id) + value
    return tagged.id(one.id) + value + tagged.confidence + _DOUBLE.pack(one.confidence)
