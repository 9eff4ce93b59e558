"""One call of the model: its `predict batch` span, encoded, and what its histograms measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vitals.telemetry.fast_path import record, wire
from vitals.telemetry.fast_path.named_model import NamedModel
from vitals.telemetry.fast_path.shape import HAS_IS_REMOTE

_NAME_AND_KIND = wire.text(b"\x2a", "predict batch") + b"\x30\x01"
_LINK_FLAGS = b"\x35" + HAS_IS_REMOTE.to_bytes(4, "little")
_SPAN_FLAGS = b"\x85\x01" + HAS_IS_REMOTE.to_bytes(4, "little")


@dataclass(slots=True)
class Batch:
    """A call that went well. Times are nanoseconds since 1970; seconds: of the call itself.

    links: trace and span of each request that it served. parent_span_id: of the first of them that is sampled, or just the first.
    made_by_sdk: its span is exported by the SDK already.
    """

    parent_span_id: bytes
    links: Sequence[tuple[bytes, bytes]]
    trace_id: bytes
    span_id: bytes
    sampled: bool
    made_by_sdk: bool
    start: int
    end: int
    seconds: float
    rows: int
    model: NamedModel

    @property
    def record(self) -> bytes:
        """Of its span."""
        flags = record.HAS_PARENT | (record.SAMPLED if self.sampled else 0)
        return record.pack(self.trace_id, self.span_id, self.parent_span_id, self.start, self.end, -1, -1, 0, flags)


def encoded(batch: Batch) -> bytes:
    """The span, without its tag."""
    parts = [
        b"\x0a\x10" + batch.trace_id + b"\x12\x08" + batch.span_id,
        b"\x22\x08" + batch.parent_span_id,
        _NAME_AND_KIND,
        b"\x39" + batch.start.to_bytes(8, "little") + b"\x41" + batch.end.to_bytes(8, "little"),
        batch.model.span_field,
        wire.repeated_attribute(wire.SPAN_ATTRIBUTE, "ml.inference.batch.size", batch.rows),
        *[b"\x6a\x21\x0a\x10" + trace_id + b"\x12\x08" + span_id + _LINK_FLAGS for trace_id, span_id in batch.links],
        b"\x7a\x00" + _SPAN_FLAGS,
    ]
    return b"".join(parts)
