"""HEAD is answered as GET without a body, on every route that takes GET."""

from __future__ import annotations

import logging

import pytest
from fastapi.testclient import TestClient

from .conftest import Emitted

PATHS = [
    "/health/live",
    "/health/ready",
    "/health/canary",
    "/model",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/iris",
    "/v2/models/iris/ready",
    "/v2/models/nope",
    "/openapi.json",
    "/docs",
    "/",
]


@pytest.mark.parametrize("path", PATHS)
def test_it_is_answered_as_get(client: TestClient, caplog: pytest.LogCaptureFixture, path: str) -> None:
    asked = client.get(path)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        head = client.head(path)
    assert (head.status_code, head.content) == (asked.status_code, b"")
    assert head.headers["content-type"] == asked.headers["content-type"]
    if asked.is_success:
        assert not caplog.records
        assert "content-length" in head.headers


def test_its_span_says_that_it_was_head(client: TestClient, emitted: Emitted) -> None:
    client.head("/health/live")
    assert emitted.span("HEAD /health/live").attributes["http.response.status_code"] == 200  # type: ignore[index]


def test_what_takes_no_get_takes_no_head(client: TestClient) -> None:
    assert client.head("/predict").status_code == 405
    document = client.get("/openapi.json").json()
    assert not any("head" in operations for operations in document["paths"].values())
