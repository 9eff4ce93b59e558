"""Values as OTLP has them: what a log record carries is made safe to encode, whatever it is, and nothing here raises."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

Attribute = Any
"""What an attribute may be: None, bool, int, float, str, bytes, or a sequence or mapping of those."""

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_DEEPEST = 8
_PLAIN = frozenset({bool, float, bytes})


def text_of(value: object) -> str:
    """`str(value)`; where that raises, a note of what it is. Always text that UTF-8 can have."""
    try:
        text = value if type(value) is str else str(value)
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace").decode()
    except KeyboardInterrupt:
        raise
    except BaseException as wrong:  # a panic of a library in Rust is no Exception
        return f"<{type(value).__name__} object, whose text raises {type(wrong).__name__}>"
    return text


def attribute_of(value: object, *, depth: int = 0) -> Attribute:
    """`value` as an attribute: itself where OTLP has its type, else its text."""
    if value is None or type(value) in _PLAIN:
        return value
    if type(value) is str:
        return text_of(value)
    try:
        return _attribute_of(value, depth)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return text_of(value)


def attributes_of(values: Mapping[Any, object]) -> dict[str, Attribute]:
    """A mapping as attributes. A key becomes text; an empty one is left out, as OTLP has none."""
    return {name: attribute_of(value) for key, value in values.items() if (name := text_of(key))}


def exception_attributes_of(info: ExceptionInfo) -> dict[str, Attribute]:
    """`exception.type`, `.message` and `.stacktrace`, as contrib's handler writes them."""
    kind, value, trace = info
    found: dict[str, Attribute] = {}
    if kind is not None:
        found["exception.type"] = text_of(kind.__name__)
    if value is not None and value.args:
        found["exception.message"] = text_of(value.args[0])
    if trace is not None:
        try:
            found["exception.stacktrace"] = text_of("".join(traceback.format_exception(kind, value, trace)))
        except KeyboardInterrupt:
            raise
        except BaseException:
            found["exception.stacktrace"] = text_of("".join(traceback.format_tb(trace)))
    return found


def _attribute_of(value: object, depth: int) -> Attribute:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text_of(str.__str__(value))
    if isinstance(value, int):
        number = int.__index__(value)
        return number if -(2**63) <= number < 2**63 else text_of(number)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, bytes):
        return bytes.__bytes__(value)
    if depth == _DEEPEST:  # what holds itself has no end
        return text_of(value)
    if isinstance(value, Sequence):
        return [attribute_of(one, depth=depth + 1) for one in value]
    if isinstance(value, Mapping):
        return {name: attribute_of(one, depth=depth + 1) for key, one in value.items() if (name := text_of(key))}
    return text_of(value)
