"""The span of work that is done for several requests at once: it links to each of them, and says what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vitals.telemetry.fast_path import record, wire
from vitals.telemetry.fast_path.distributions import Measurement
from vitals.telemetry.fast_path.shape import HAS_IS_REMOTE

_INTERNAL = b"\x30\x01"
_LINK_FLAGS = b"\x35" + HAS_IS_REMOTE.to_bytes(4, "little")
_SPAN_FLAGS = b"\x85\x01" + HAS_IS_REMOTE.to_bytes(4, "little")


class LinkedTemplate:
    """The name of such spans and the attributes that they share, encoded once."""

    __slots__ = ("attributes", "name_and_kind")

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name_and_kind = wire.text(b"\x2a", name) + _INTERNAL
        self.attributes = wire.attributes(wire.SPAN_ATTRIBUTE, attributes)


@dataclass(slots=True)
class LinkedSpan:
    """Work that went well. Times are nanoseconds since 1970.

    links: trace and span of each request that it served. parent_span_id: of the first of them that is sampled, or just the first.
    made_by_sdk: its span is exported by the SDK already. attributes: those that differ from span to span, of few values.
    """

    template: LinkedTemplate
    parent_span_id: bytes
    links: Sequence[tuple[bytes, bytes]]
    trace_id: bytes
    span_id: bytes
    sampled: bool
    made_by_sdk: bool
    start: int
    end: int
    attributes: Sequence[tuple[str, str | bool | int | float]]
    measured: Sequence[Measurement]

    @property
    def record(self) -> bytes:
        """Of its span."""
        flags = record.HAS_PARENT | (record.SAMPLED if self.sampled else 0)
        return record.pack(self.trace_id, self.span_id, self.parent_span_id, self.start, self.end, -1, -1, 0, flags)


def encoded(span: LinkedSpan) -> bytes:
    """The span, without its tag."""
    parts = [
        b"\x0a\x10" + span.trace_id + b"\x12\x08" + span.span_id,
        b"\x22\x08" + span.parent_span_id,
        span.template.name_and_kind,
        b"\x39" + span.start.to_bytes(8, "little") + b"\x41" + span.end.to_bytes(8, "little"),
        span.template.attributes,
        *[wire.repeated_attribute(wire.SPAN_ATTRIBUTE, key, value) for key, value in span.attributes],
        *[b"\x6a\x21\x0a\x10" + trace_id + b"\x12\x08" + span_id + _LINK_FLAGS for trace_id, span_id in span.links],
        b"\x7a\x00" + _SPAN_FLAGS,
    ]
    return b"".join(parts)
