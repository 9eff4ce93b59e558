"""What names a model on spans, log records and series, and what of its answers is encoded once."""

from __future__ import annotations

import struct
from binascii import hexlify
from collections.abc import Mapping
from hashlib import blake2b

from vitals.model_events.histograms import BATCH_ROWS, CONFIDENCE, INFERENCE
from vitals.telemetry.fast_path import record, wire
from vitals.telemetry.fast_path.distributions import MeasuredBy, SeriesKey
from vitals.telemetry.fast_path.linked_span import LinkedTemplate
from vitals.telemetry.fast_path.request_event import LOG_TRACE_FLAGS, SEVERITY_INFO

EVENT = "ml.prediction"
CALL = "predict batch"
"""The name of the span of one call of the model."""

EVENT_NAME = wire.text(b"\x62", EVENT)
"""The field `LogRecord.event_name` of every answer."""
_CONFIDENCE_TEXT, _UID_TEXT = 5, 32
"""Bytes of a confidence as in 0.973, and of a `log.record.uid`."""

_MOST_CLASSES = 4096


class NamedModel:
    """One version of a model. on_span, on_log: its attributes there; the latter are those of its series, too.

    call: the span of one call. seconds, rows, confidence: its series of the three histograms.
    """

    __slots__ = ("_of_class", "call", "confidence", "log_field", "on_log", "on_span", "rows", "seconds", "span_field")

    def __init__(self, on_span: Mapping[str, str], on_log: Mapping[str, str]) -> None:
        """The model's name and version, and on spans what answers, too."""
        self.on_span, self.on_log = dict(on_span), dict(on_log)
        measured_by: MeasuredBy = tuple(self.on_log.items())
        self.seconds, self.rows = SeriesKey(INFERENCE, measured_by), SeriesKey(BATCH_ROWS, measured_by)
        self.confidence = SeriesKey(CONFIDENCE, measured_by)
        self.call = LinkedTemplate(CALL, self.on_span)
        self.span_field = wire.attributes(wire.SPAN_ATTRIBUTE, self.on_span)
        self.log_field = wire.attributes(wire.LOG_ATTRIBUTE, self.on_log)
        self._of_class: dict[tuple[str, int], ClassTemplate] = {}

    def of_class(self, predicted: str, id_bytes: int) -> ClassTemplate:
        """For answers of that class whose ids have so many bytes."""
        found = self._of_class.get((predicted, id_bytes))
        if found is None:
            if len(self._of_class) >= _MOST_CLASSES:
                self._of_class.clear()
            found = self._of_class[predicted, id_bytes] = ClassTemplate(self, predicted, id_bytes)
        return found


class ClassTemplate:
    """One answer of one class: its log record and its span's attributes, all but what differs from answer to answer.

    That is ids, the confidence, the time. Their lengths are always the same, and so are those of the messages around them.
    """

    __slots__ = ("_log", "_span")

    def __init__(self, model: NamedModel, predicted: str, id_bytes: int) -> None:
        said = f"predicted {predicted} with confidence ".encode("utf-8", "replace")
        sentence = wire.sized(b"\x0a", said + bytes(_CONFIDENCE_TEXT))
        body = wire.sized(b"\x2a", sentence)[:-_CONFIDENCE_TEXT]
        self._log = _with_tag(
            wire.LOG_RECORD,
            b"\x09",
            8,
            SEVERITY_INFO + body,
            _CONFIDENCE_TEXT,
            model.log_field + _before(wire.LOG_ATTRIBUTE, "ml.prediction.id", id_bytes),
            id_bytes,
            _of_answer(wire.LOG_ATTRIBUTE, predicted),
            8,
            _before(wire.LOG_ATTRIBUTE, "log.record.uid", _UID_TEXT),
            _UID_TEXT,
            b"\x45",
            4,
            b"\x4a\x10",
            16,
            b"\x52\x08",
            8,
            b"\x59",
            8,
            EVENT_NAME,
        )
        self._span = (
            model.span_field + _before(wire.SPAN_ATTRIBUTE, "ml.prediction.id", id_bytes),
            _of_answer(wire.SPAN_ATTRIBUTE, predicted),
        )

    def encoded(
        self, at: int, prediction_id: bytes, confidence: float, packed: bytes
    ) -> tuple[bytes, tuple[bytes, bytes, bytes, bytes]]:
        """The log record with its tag, and the span's attributes in four pieces.

        at: nanoseconds since 1970. confidence: from 0 to 1. packed: the record of the span.
        """
        a, b, c, d, e, f, g, h, i, j = self._log
        time, number = at.to_bytes(8, "little"), _as_double(confidence)
        uid = uid_bytes(_EVENT_BYTES, prediction_id)
        log = b"".join(
            (
                a, time, b, b"%.3f" % confidence, c, prediction_id, d, number, e, uid, f, LOG_TRACE_FLAGS[packed[-1]],
                g, packed[_TRACE_ID], h, packed[_SPAN_ID], i, time, j,
            )
        )  # fmt: skip
        before, between = self._span
        return log, (before, prediction_id, between, number)


def uid_bytes(event: bytes, prediction_id: bytes) -> bytes:
    """The `log.record.uid` of an event of a prediction, as text."""
    return hexlify(blake2b(b"%b %b" % (event, prediction_id), digest_size=16).digest())


_EVENT_BYTES = EVENT.encode()

_TRACE_ID, _SPAN_ID = record.TRACE_ID, record.SPAN_ID
_as_double = struct.Struct("<d").pack


def _before(tag: bytes, key: str, length: int) -> bytes:
    """All of a text's attribute but the text, which has so many bytes."""
    whole = wire.attribute(tag, key, "x" * length)
    return whole[: len(whole) - length]


def _of_answer(tag: bytes, predicted: str) -> bytes:
    """The class, and all of the confidence but its eight bytes."""
    return wire.attribute(tag, "ml.prediction.class", predicted) + wire.attribute(tag, "ml.prediction.confidence", 0.0)[:-8]


def _with_tag(tag: bytes, *pieces: bytes | int) -> tuple[bytes, ...]:
    """The pieces that are fixed, the first with a message's tag and length; a number is the length of what comes in between."""
    length = sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)
    first, *others = [piece for piece in pieces if isinstance(piece, bytes)]
    return (tag + wire.varint(length) + first, *others)
