"""`instrument(app)` is right whatever the application is. By the SDK's path; test_fast_path_parity.py holds the other to it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.testclient import TestClient

from vitals import instrument

from .conftest import Emitted

TASK_SECONDS = 0.3


def application(*, mounted: bool = False) -> FastAPI:
    app = FastAPI()
    instrument(app)

    @app.get("/items/{item}")
    async def item(item: str) -> str:
        return item

    @app.get("/later")
    async def later(tasks: BackgroundTasks) -> None:
        tasks.add_task(asyncio.sleep, TASK_SECONDS)

    @app.get("/raises-later")
    async def raises_later(tasks: BackgroundTasks) -> None:
        tasks.add_task(_raise)

    @app.get("/big")
    async def big() -> Any:
        return PlainTextResponse("y" * 1234)

    @app.get("/stream")
    async def stream() -> Any:
        return StreamingResponse(iter([b"x"]))

    @app.websocket("/socket/{name}")
    async def socket(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.close()

    if not mounted:
        app.mount("/inner/{place}", application(mounted=True))
    return app


async def _raise() -> None:
    raise ValueError("too late")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(application(), raise_server_exceptions=False) as client:
        yield client


def _spans(emitted: Emitted) -> list[Any]:
    return [span for span in emitted.spans if span.kind.name == "SERVER"]


def _measured(emitted: Emitted, metric: str, route: str) -> list[Any]:
    return [point for point in emitted.points(metric) if point.attributes.get("http.route") == route]


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [
        ("/items/1", "GET /items/{item}", 200),
        ("/inner/here/items/1", "GET /inner/{place}/items/{item}", 200),
        ("/inner/here/nothing", "GET /inner/{place}", 404),
        ("/nothing", "GET", 404),
        ("/docs", "GET /docs", 200),
    ],
)
def test_a_request_has_one_span_with_its_whole_route(
    client: TestClient, emitted: Emitted, path: str, name: str, status: int
) -> None:
    route = name.partition(" ")[2]
    before = sum(point.count for point in _measured(emitted, "http.server.request.duration", route)) if route else 0
    answer = client.get(path)
    assert answer.status_code == status
    [span] = _spans(emitted)
    assert span.name == name
    assert (span.attributes or {}).get("http.route", "") == route
    assert answer.headers.get_list("traceresponse") == [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-03"]
    if route:
        assert sum(point.count for point in _measured(emitted, "http.server.request.duration", route)) == before + 1


def test_a_background_task_is_not_part_of_the_duration(client: TestClient, emitted: Emitted) -> None:
    begun = time.monotonic()
    client.get("/later")
    assert time.monotonic() - begun > TASK_SECONDS, "the client of the test waits for it"
    [point] = _measured(emitted, "http.server.request.duration", "/later")
    assert point.max < TASK_SECONDS
    [span] = _spans(emitted)
    assert (span.end_time - span.start_time) / 1e9 < TASK_SECONDS


def test_what_a_background_task_raises_leaves_the_answer_as_it_was(client: TestClient, emitted: Emitted) -> None:
    assert client.get("/raises-later").status_code == 200
    assert [span.status.status_code.name for span in _spans(emitted)] == ["UNSET"]


@pytest.mark.parametrize("value", ["Gerät".encode("latin-1"), "Gerät".encode(), b"\xff\xfe", b"plain"])
@pytest.mark.parametrize("header", [b"user-agent", b"host", b"x-other", b"accept", b"traceparent", b"baggage"])
def test_bytes_that_are_no_utf_8_are_answered_as_ever(client: TestClient, emitted: Emitted, header: bytes, value: bytes) -> None:
    answer = client.get("/items/1", headers=[(header, value)])
    assert (answer.status_code, answer.json()) == (200, "1")
    [span] = _spans(emitted)
    if header == b"user-agent":
        assert (span.attributes or {})["user_agent.original"] in ("Gerät", "ÿþ", "plain")


def test_sizes_are_each_answers_own(client: TestClient, emitted: Emitted) -> None:
    def sizes(route: str) -> tuple[int, float]:
        points = _measured(emitted, "http.server.response.body.size", route)
        return sum(one.count for one in points), sum(one.sum for one in points)

    (big, _), stream = sizes("/big"), sizes("/stream")
    for _ in range(3):
        client.get("/big")
        client.get("/stream")
    assert sizes("/big") == (big + 3, (big + 3) * 1234)
    assert sizes("/stream") == stream, "it does not say its length"


@pytest.mark.parametrize(
    ("server", "address", "port"),
    [
        (("127.0.0.1", 8001), "127.0.0.1", 8001),
        (("127.0.0.1", 80), "127.0.0.1", 80),
        (("/run/o.sock", None), "/run/o.sock", None),
        (("::1", 8001), "::1", 8001),
        (None, None, None),
    ],
)
def test_the_servers_address_is_true(emitted: Emitted, server: Any, address: Any, port: Any) -> None:
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/items/1",
        "raw_path": b"/items/1", "root_path": "", "query_string": b"", "headers": [], "client": None, "server": server,
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        pass

    asyncio.run(application()(scope, receive, send))
    [span] = _spans(emitted)
    attributes = span.attributes or {}
    assert (attributes.get("server.address"), attributes.get("server.port")) == (address, port)


def test_a_websocket_has_one_span(client: TestClient, emitted: Emitted) -> None:
    with client.websocket_connect("/socket/a"):
        pass
    assert [span.name for span in _spans(emitted)] == ["/socket/{name}"]


@pytest.mark.slow
def test_requests_that_are_over_are_not_active(client: TestClient, emitted: Emitted) -> None:
    for path in ("/items/1", "/later", "/raises-later", "/nothing"):
        client.get(path)
    assert {point.value for point in emitted.points("http.server.active_requests")} == {0}


ODD: list[dict[str, Any]] = [
    {"client": ("10.0.0.1", 99_999)},
    {"client": ("10.0.0.1", None)},
    {"client": ("10.0.0.1", "http")},
    {"server": ("", 0)},
    {"headers": [(b"content-length", b"9" * 40), (b"content-length", b"-1")]},
    {"query_string": b"\xff\xfe"},
    {"http_version": ""},
    {"scheme": "unheard-of"},
    {"method": "SECRET \n"},
]
PROGRAM = f"""
import asyncio
from fastapi import FastAPI
from vitals import instrument

app = FastAPI()
instrument(app)

@app.api_route("/items/{{item}}", methods=["GET", "SECRET \\n"])
async def item(item: str) -> str:
    return item

async def receive():
    return {{"type": "http.request", "body": b"", "more_body": False}}

async def send(message):
    if message["type"] == "http.response.start":
        print(message["status"])

async def main():
    for odd in {ODD!r}:
        await app({{
            "type": "http", "asgi": {{"version": "3.0"}}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/items/1", "raw_path": b"/items/1", "root_path": "", "query_string": b"", "headers": [], "client": None,
            "server": None, **odd,
        }}, receive, send)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("path", ["on", "off"])
def test_a_scope_that_no_server_should_make_is_answered_as_ever(path: str) -> None:
    """In a process of its own: there the fast path is taken, too."""
    environment = {**os.environ, "VITALS_FAST_PATH": path, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    command = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "200\n" * len(ODD)), ended.stderr
