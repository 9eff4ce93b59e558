"""One call of the model: its `predict batch` span, encoded, and what its histograms measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vitals.telemetry.fast_path import wire

HAS_IS_REMOTE, IS_REMOTE = 0x100, 0x200
"""`Span.flags`: whether it is known that the parent is remote, and whether it is."""

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
    on_span: Mapping[str, str]
    measured: tuple[tuple[str, str | int], ...]


def encoded(batch: Batch) -> bytes:
    """The span, without its tag."""
    parts = [
        b"\x0a\x10" + batch.trace_id + b"\x12\x08" + batch.span_id,
        b"\x22\x08" + batch.parent_span_id,
        _NAME_AND_KIND,
        b"\x39" + batch.start.to_bytes(8, "little") + b"\x41" + batch.end.to_bytes(8, "little"),
        *[wire.repeated_attribute(wire.SPAN_ATTRIBUTE, *one) for one in batch.on_span.items()],
        wire.repeated_attribute(wire.SPAN_ATTRIBUTE, "ml.inference.batch.size", batch.rows),
        *[b"\x6a\x21\x0a\x10" + trace_id + b"\x12\x08" + span_id + _LINK_FLAGS for trace_id, span_id in batch.links],
        b"\x7a\x00" + _SPAN_FLAGS,
    ]
    return b"".join(parts)
