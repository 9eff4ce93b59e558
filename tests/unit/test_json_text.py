"""What is JSON in a request: msgspec reads what it takes, and the standard library says what is JSON and what it stands for."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import msgspec
import pytest
from fastapi.responses import JSONResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.api.requests.json_text import JsonAnswer, parsed

pytestmark = pytest.mark.slow

LARGE = 10**40


def _said(read: Any, text: bytes) -> Any:
    """The value and its types, floats by their bits; None where there is none."""
    try:
        return _exactly(read(text))
    except (ValueError, RecursionError):
        return None


def _exactly(value: Any) -> Any:
    if isinstance(value, float):
        return "not a number" if math.isnan(value) else struct.pack("d", value)
    if isinstance(value, list):
        return [_exactly(one) for one in value]
    if isinstance(value, dict):
        return ["object", *((name, _exactly(one)) for name, one in value.items())]
    return type(value), value


TEXTS = [
    *(
        b"NaN",
        b"-Infinity",
        b"Infinity",
        b"1e400",
        b"-1E400",
        b"1e-400",
        b"-0",
        b"-0.0",
        b"0e0",
        b"1E2",
        b"1e+2",
        b"9007199254740993",
    ),
    *(b"18446744073709551615", b"18446744073709551616", b"-9223372036854775809", b"1" * 40, b"1" * 5000, b"0." + b"3" * 5000),
    *(
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"--1",
        b"1e",
        b"1 2",
        b"",
        b" ",
        b"tru",
        b"nul",
        b"[1,]",
        b'{"a":1,}',
        b"{1:2}",
        b"'a'",
        b"//",
    ),
    *(b'{"a":1,"b":2,"a":3}', b'{"\\u0061":1,"a":2}', b"  [1]\r\n\t", b"\x0b1", b"\xc2\xa01", b"1\x00", b"[1]]", b'{"a" 1}'),
    *(b'"\\ud800"', b'"\\ude00"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\\x41"', b'"\t"', b'"\x7f"', b'"\\/"', b'"open'),
    *(b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b"\xef\xbb\xbf{}", b'{"a":"\xc3'),
    *('{"a": 1}'.encode(coding) for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")),
    *(b"[" * 400 + b"]" * 400, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:24]))
def test_it_is_what_the_standard_library_says(text: bytes) -> None:
    assert _said(parsed, text) == _said(json.loads, text)


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-LARGE, LARGE).map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z"),
)


@settings(max_examples=400, deadline=None)
@given(numbers)
def test_a_number_is_the_same_to_the_last_bit(written: str) -> None:
    assert _said(parsed, written.encode()) == _said(json.loads, written.encode())


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=3), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_whatever_is_written_is_read(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    assert _said(parsed, text) == _said(json.loads, text)


@settings(max_examples=500, deadline=None)
@given(values, st.data())
def test_a_damaged_text_is_none_for_both_or_the_same_for_both(value: Any, data: st.DataObject) -> None:
    text = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    assert _said(parsed, bytes(text)) == _said(json.loads, bytes(text))


def test_the_quick_way_is_taken_for_what_clients_send() -> None:
    body = json.dumps({"instances": [{"größe": 1.5e-7, "n": 3, "text": "naïve ☃", "none": None, "yes": True}]})
    assert msgspec.json.decode(body.encode()) == parsed(body.encode())


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.none()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.integers(),
    )
)
def test_an_answer_has_starlettes_headers_and_the_same_values(content: dict[str, Any]) -> None:
    mine, starlettes = JsonAnswer(content), JSONResponse(content)
    assert _exactly(json.loads(mine.body)) == _exactly(json.loads(starlettes.body))
    headers = dict(mine.raw_headers)
    assert headers.pop(b"content-length") == str(len(mine.body)).encode()
    assert headers == {b"content-type": starlettes.headers["content-type"].encode()}
    assert mine.status_code == 200
