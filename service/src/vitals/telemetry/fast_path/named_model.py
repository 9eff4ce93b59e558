"""What names a model on spans, log records and series, and what of its answers is encoded once."""

from __future__ import annotations

from collections.abc import Mapping

from vitals.telemetry.fast_path import wire

_INFO = b"\x10\x09" + wire.text(b"\x1a", "INFO")
_EVENT_NAME = wire.text(b"\x62", "ml.prediction")
_CONFIDENCE_TEXT, _UID_TEXT = 5, 32
"""Bytes of a confidence as in 0.973, and of a `log.record.uid`."""

_MOST_CLASSES = 4096


class NamedModel:
    """One version of a model. on_span, on_log: its attributes there; `measured` those of its series."""

    __slots__ = ("_of_class", "log_field", "measured", "on_log", "on_span", "span_field")

    def __init__(self, on_span: Mapping[str, str], on_log: Mapping[str, str]) -> None:
        """The model's name and version, and on spans what answers, too."""
        self.on_span, self.on_log = dict(on_span), dict(on_log)
        self.measured: tuple[tuple[str, str | int], ...] = tuple(self.on_log.items())
        self.span_field = _attributes(wire.SPAN_ATTRIBUTE, self.on_span)
        self.log_field = _attributes(wire.LOG_ATTRIBUTE, self.on_log)
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
            _INFO + body,
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
            _EVENT_NAME,
        )
        self._span = (
            model.span_field + _before(wire.SPAN_ATTRIBUTE, "ml.prediction.id", id_bytes),
            _of_answer(wire.SPAN_ATTRIBUTE, predicted),
        )

    def log(
        self,
        at: bytes,
        text: bytes,
        prediction_id: bytes,
        confidence: bytes,
        uid: bytes,
        flags: bytes,
        trace_id: bytes,
        span_id: bytes,
    ) -> bytes:
        """The log record with its tag. text: the confidence as in 0.973; at, confidence, flags: as protobuf writes numbers."""
        a, b, c, d, e, f, g, h, i, j = self._log
        return b"".join(
            (a, at, b, text, c, prediction_id, d, confidence, e, uid, f, flags, g, trace_id, h, span_id, i, at, j)
        )  # fmt: skip

    def span(self, prediction_id: bytes, confidence: bytes) -> tuple[bytes, bytes, bytes, bytes]:
        """The span's attributes, in four pieces."""
        before, between = self._span
        return before, prediction_id, between, confidence


def _attributes(tag: bytes, named: Mapping[str, str]) -> bytes:
    return b"".join([wire.attribute(tag, key, value) for key, value in named.items()])


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
