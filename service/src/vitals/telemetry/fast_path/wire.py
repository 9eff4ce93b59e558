"""Protobuf's wire format, as much of it as OTLP's spans and log records need (protobuf.dev/programming-guides/encoding).

A field is its tag, then its value: a varint, eight bytes, four bytes, or a length and so many bytes. Tags below are written out,
since all of OTLP's that are used here fit into one byte or two.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

Value = Any
"""What an attribute can hold: a text, a truth, a number, bytes, or a list of one of them."""

_DOUBLE = struct.Struct("<d")
_SHORT = 2048
_SHORT_VARINTS = (
    *(bytes([number]) for number in range(128)),
    *(bytes((number & 127 | 128, number >> 7)) for number in range(128, _SHORT)),
)


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits a byte, the lowest first."""
    if number < _SHORT:
        return _SHORT_VARINTS[number]
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    return bytes(made)


def sized(tag: bytes, content: bytes) -> bytes:
    """A field of bytes: text, or a message within a message."""
    length = len(content)
    return tag + (_SHORT_VARINTS[length] if length < _SHORT else varint(length)) + content


def text(tag: bytes, content: str) -> bytes:
    """A field of text; half of a surrogate pair, which UTF-8 has no form for, becomes a question mark."""
    return sized(tag, content.encode("utf-8", "replace"))


def any_value(value: Value) -> bytes:
    """OTLP's `AnyValue`. Raises TypeError for what OTLP has no type for."""
    if isinstance(value, str):
        return text(b"\x0a", value)
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    if isinstance(value, float):
        return b"\x21" + _DOUBLE.pack(value)
    if isinstance(value, bytes):
        return sized(b"\x3a", value)
    if isinstance(value, Sequence):
        return sized(b"\x2a", b"".join([sized(b"\x0a", any_value(one)) for one in value]))
    raise TypeError(f"OTLP has no type for a {type(value).__name__}")


def key_value(key: str, value: Value) -> bytes:
    """OTLP's `KeyValue`."""
    return text(b"\x0a", key) + sized(b"\x12", any_value(value))


SPAN_ATTRIBUTE, LOG_ATTRIBUTE, RESOURCE_ATTRIBUTE = b"\x4a", b"\x32", b"\x0a"
"""The tags of `Span.attributes`, `LogRecord.attributes` and `Resource.attributes`."""


SPAN = LOG_RECORD = b"\x12"
"""The tags of `ScopeSpans.spans` and `ScopeLogs.log_records`."""


def attribute(tag: bytes, key: str, value: Value) -> bytes:
    """One attribute of a span, a log record or a resource."""
    return sized(tag, key_value(key, value))


def attributes(tag: bytes, named: Mapping[str, Value]) -> bytes:
    """Several, in their order."""
    return b"".join([attribute(tag, key, value) for key, value in named.items()])


@lru_cache(maxsize=2048, typed=True)
def repeated_attribute(tag: bytes, key: str, value: str | bool | int | float) -> bytes:
    """The same, remembered: for values that come again."""
    return attribute(tag, key, value)
