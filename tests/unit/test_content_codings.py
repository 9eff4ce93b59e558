"""Compressed request bodies: read within the limit of the body's size, else refused with a sentence."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from vitals.api.requests.content_codings import decoded
from vitals.errors import InvalidInput

from .conftest import ROW, Emitted
from .reproducible_gzip import gzipped

LIMIT = 1_048_576
BODY = json.dumps({"features": ROW}).encode()
JSON = {"content-type": "application/json"}


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zlib": zlib.compress, "raw deflate": raw_deflate}
NAMES = {"gzip": "gzip", "zlib": "deflate", "raw deflate": "deflate"}


def without_bytes(value: object) -> str | None:
    """Names of cases that are the same in every process: gzip writes the time."""
    return "body" if isinstance(value, bytes) else None


Refusal = InvalidInput | HTTPException


def decoded_or_refused(body: bytes, coding: str) -> bytes | Refusal:
    try:
        return decode(body, coding, most=1000)
    except (InvalidInput, HTTPException) as refused:
        return refused


def reason_of(found: bytes | Refusal) -> str | int | None:
    if isinstance(found, InvalidInput):
        [(_, reason)] = found.counted
        return reason
    return found.status_code if isinstance(found, HTTPException) else None


def decode(body: bytes, *headers: str, most: int = LIMIT) -> bytes:
    return asyncio.run(decoded(body, headers, most))


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        (["gzip"], gzipped(BODY)),
        (["x-gzip"], gzipped(BODY)),
        (["GZip"], gzipped(BODY)),
        (["deflate"], zlib.compress(BODY)),
        (["deflate"], raw_deflate(BODY)),
        (["identity"], BODY),
        ([""], BODY),
        (["gzip, identity"], gzipped(BODY)),
        (["deflate, gzip"], gzipped(zlib.compress(BODY))),
        (["deflate", "gzip"], gzipped(zlib.compress(BODY))),
        (["gzip,gzip"], gzipped(gzipped(BODY))),
        (["gzip"], gzipped(BODY[:20]) + gzipped(BODY[20:])),
    ],
    ids=without_bytes,
)
def test_what_is_read(client: TestClient, headers: list[str], content: bytes) -> None:
    sent = [*JSON.items(), *(("content-encoding", one) for one in headers)]
    answer = client.post("/predict", content=content, headers=sent)  # type: ignore[arg-type]  # two headers of one name
    assert answer.status_code == 200, answer.text
    assert answer.json()["prediction"] == "setosa"


CUT_OFF, AFTER, NONE = "ends before its", "continues after the end", "is not valid"


@pytest.mark.parametrize(
    ("coding", "content", "told"),
    [
        ("gzip", gzipped(BODY)[:-1], CUT_OFF),
        ("gzip", gzipped(BODY)[:5], CUT_OFF),
        ("deflate", zlib.compress(BODY)[:-1], CUT_OFF),
        ("deflate", zlib.compress(BODY)[:1], "The body"),
        ("deflate", raw_deflate(BODY)[:-1], CUT_OFF),
        ("gzip", gzipped(BODY) + b"more", AFTER),
        ("gzip", gzipped(BODY) + b"\0", AFTER),
        ("gzip", gzipped(BODY) + gzipped(BODY)[:7], CUT_OFF),
        ("gzip", gzipped(b"") * 1001, "more than 1000 gzip members"),
        ("deflate", zlib.compress(BODY) * 2, AFTER),
        ("deflate", raw_deflate(BODY) + b" ", AFTER),
        ("gzip", BODY, NONE),
        ("deflate", BODY, NONE),
        ("gzip", zlib.compress(BODY), NONE),
        ("deflate", gzipped(BODY), NONE),
        ("gzip, gzip", gzipped(BODY), NONE),
        ("gzip", gzipped(BODY)[:-8] + bytes(8), NONE),  # a wrong checksum
    ],
    ids=without_bytes,
)
@pytest.mark.parametrize("path", ["/predict", "/labels", "/v2/models/iris/infer"])
def test_what_cannot_be_decoded_is_a_sentence(client: TestClient, path: str, coding: str, content: bytes, told: str) -> None:
    answer = client.post(path, content=content, headers={**JSON, "content-encoding": coding})
    assert answer.status_code == (400 if path.startswith("/v2") else 422), answer.text
    sentence = answer.json()["error" if path.startswith("/v2") else "detail"]
    assert told in sentence
    assert "zlib" not in sentence.lower().replace("zlib.error", "zlib")


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, br", "br, gzip", "*", "g\xfczip", "gzip, gzip, gzip"])
@pytest.mark.parametrize("path", ["/predict", "/labels", "/v2/models/iris/infer"])
def test_another_coding_is_answered_415_with_those_that_are_read(client: TestClient, path: str, coding: str) -> None:
    sent = [(b"content-type", b"application/json"), (b"content-encoding", coding.encode("latin-1"))]
    answer = client.post(path, content=BODY, headers=sent)  # type: ignore[arg-type]  # bytes, since one is no ASCII
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "gzip, deflate"
    assert "content coding" in answer.json()["error" if path.startswith("/v2") else "detail"]


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("path", ["/predict", "/labels", "/v2/models/iris/infer"])
def test_a_bomb_is_answered_413(client: TestClient, path: str, encoder: str) -> None:
    bomb = ENCODERS[encoder](b" " * 50_000_000)
    answer = client.post(path, content=bomb, headers={**JSON, "content-encoding": NAMES[encoder]})
    assert answer.status_code == 413
    assert "once decoded" in answer.json()["error" if path.startswith("/v2") else "detail"]


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("twice", [False, True])
def test_a_bomb_is_not_made(encoder: str, twice: bool) -> None:
    bomb = ENCODERS[encoder](bytes(200_000_000))
    headers = [NAMES[encoder]]
    if twice:
        bomb, headers = gzipped(bomb), [*headers, "gzip"]
    tracemalloc.start()
    try:
        with pytest.raises(HTTPException) as refused:
            decode(bomb, *headers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.status_code == 413
    assert peak < 4 * LIMIT


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_the_limit_is_that_of_the_decoded_body_too(encoder: str, more: int) -> None:
    body, limit = random.Random(1).randbytes(100_000), 100_000 - more  # noqa: S311 - no secret is made of it
    content = ENCODERS[encoder](body)
    if more > 0:
        with pytest.raises(HTTPException):
            decode(content, NAMES[encoder], most=limit)
    else:
        assert decode(content, NAMES[encoder], most=limit) == body


@pytest.mark.slow
def test_a_large_body_is_decoded_beside_the_event_loop() -> None:
    body = bytes(20_000_000)
    assert decode(gzipped(body), "gzip", most=50_000_000) == body


@given(st.binary(max_size=300), st.lists(st.sampled_from(list(ENCODERS)), max_size=2))
def test_decoding_undoes_what_was_applied(body: bytes, applied: list[str]) -> None:
    content = body
    for one in applied:
        content = ENCODERS[one](content)
    assert decode(content, ", ".join(NAMES[one] for one in applied)) == body


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["gzip", "zlib"]), st.data())
def test_a_damaged_body_is_refused_or_the_same(body: bytes, encoder: str, data: st.DataObject) -> None:
    content = bytearray(ENCODERS[encoder](body))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    found = decoded_or_refused(bytes(content), NAMES[encoder])
    assert found == body or reason_of(found) == "encoding"


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "gzip, deflate"]))
def test_any_bytes_are_decoded_or_refused(body: bytes, coding: str) -> None:
    assert reason_of(decoded_or_refused(body, coding)) in (None, "encoding", 413)


def test_labels_come_compressed(client: TestClient) -> None:
    prediction_id = client.post("/predict", json={"features": ROW}).json()["prediction_id"]
    label = json.dumps({"prediction_id": prediction_id, "label": "setosa"}).encode()
    answer = client.post("/labels", content=gzipped(label), headers={**JSON, "content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("coding", "content"), [("br", b"x"), ("gzip", b"x")], ids=["br", "gzip"])
def test_what_cannot_be_decoded_is_counted(client: TestClient, emitted: Emitted, coding: str, content: bytes) -> None:
    def counted() -> float:
        found = {"ml.model.name": "iris", "ml.feature.name": "(body)", "ml.validation.reason": "encoding"}.items()
        return sum(one.value for one in emitted.points("ml.validation.failures") if found <= dict(one.attributes).items())

    before = counted()
    client.post("/predict", content=content, headers={**JSON, "content-encoding": coding})
    assert counted() == before + 1


def test_an_empty_body_is_told_as_empty(client: TestClient) -> None:
    answer: Any = client.post("/predict", content=b"", headers={**JSON, "content-encoding": "gzip"}).json()
    assert [one["reason"] for one in answer["errors"]] == ["empty"]
