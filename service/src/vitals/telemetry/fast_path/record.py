"""What is kept of a span from its end until it is encoded: one packed record, whose layout is the table below.

Numbers are little-endian as in protobuf, so that the encoder copies a time from a record into a message as it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: its name, its format as `struct` writes it, and what it holds."""

    name: str
    format: str
    holds: str


LAYOUT = (
    Field("trace_id", "16s", "the trace's id, most significant byte first"),
    Field("span_id", "8s", "the span's id, likewise"),
    Field("parent_span_id", "8s", "the parent's id; zeros where there is none"),
    Field("start_unix_nano", "Q", "when the request came, nanoseconds since 1970"),
    Field("end_unix_nano", "Q", "when its answer was written, likewise"),
    Field("request_bytes", "q", "the request's `content-length`; -1 where it has none"),
    Field("response_bytes", "q", "the answer's `content-length`; -1 where it has none"),
    Field("client_port", "H", "the client's port; 0 where it is not known"),
    Field("flags", "B", "the sum of SAMPLED, HAS_PARENT, PARENT_REMOTE and RANDOM_TRACE_ID below, as far as they hold"),
)
"""A record, field by field, without gaps."""

SAMPLED, HAS_PARENT, PARENT_REMOTE, RANDOM_TRACE_ID = 1, 2, 4, 8

_STRUCT = struct.Struct("<" + "".join(field.format for field in LAYOUT))

pack = _STRUCT.pack
"""A record of one value for each field of the layout, in its order."""

unpack = _STRUCT.unpack
"""The values of a record, in the layout's order."""


SIZE = _STRUCT.size
"""Bytes of one record."""


def _place(name: str) -> slice:
    before = [field.format for field in LAYOUT[: [field.name for field in LAYOUT].index(name)]]
    start = struct.calcsize("<" + "".join(before))
    return slice(start, start + struct.calcsize("<" + next(field.format for field in LAYOUT if field.name == name)))


TRACE_ID, SPAN_ID, PARENT_SPAN_ID = _place("trace_id"), _place("span_id"), _place("parent_span_id")
START, END = _place("start_unix_nano"), _place("end_unix_nano")


def table() -> str:
    """The layout as a table in Markdown, for the documentation."""
    lines = ["| offset | bytes | field | holds |", "|---|---|---|---|"]
    for field in LAYOUT:
        at = _place(field.name)
        lines.append(f"| {at.start} | {at.stop - at.start} | `{field.name}` | {field.holds} |")
    return "\n".join(lines)
