"""The route without FastAPI's work for each request: what a client and the documentation see is what every route gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.routing import Match

from vitals.api.direct_route import DirectRoute, add_direct


class Known(Exception):
    """An error that the application has a handler for."""


class Said(BaseModel):
    said: str


async def endpoint(request: Request) -> PlainTextResponse:
    body = await request.body()
    if body == b"known":
        raise Known
    if body == b"http":
        raise HTTPException(418, "short and stout", headers={"x-tea": "yes"})
    if body == b"unknown":
        raise RuntimeError("nobody handles this")
    return PlainTextResponse(body[::-1] + request.scope["route"].path.encode())


def _app(add: Callable[[FastAPI], None]) -> FastAPI:
    app = FastAPI()

    @app.exception_handler(Known)
    async def known(request: Request, _: Exception) -> JSONResponse:
        return JSONResponse({"known": request.url.path}, 409)

    add(app)

    @app.get("/other", response_model=Said)
    async def other() -> dict[str, str]:
        return {"said": "other"}

    return app


GIVEN: dict[str, Any] = {"methods": ["POST"], "summary": "Ask", "response_model": Said, "responses": {409: {"model": Said}}}


def _direct(app: FastAPI) -> None:
    add_direct(app, DirectRoute("/ask", endpoint, **GIVEN))


def _usual(app: FastAPI) -> None:
    app.add_api_route("/ask", endpoint, **GIVEN)


@pytest.fixture(params=["alone", "root path", "mounted"])
def both(request: pytest.FixtureRequest) -> tuple[TestClient, TestClient, str]:
    clients, prefix = [], "/below" if request.param == "mounted" else ""
    for add in (_direct, _usual):
        app = _app(add)
        if prefix:
            outer = FastAPI()
            outer.mount("/{tenant}", app)
            app = outer
        root = "/root" if request.param == "root path" else ""
        clients.append(TestClient(app, raise_server_exceptions=False, follow_redirects=False, root_path=root))
    return clients[0], clients[1], prefix


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        *(("POST", "/ask", body) for body in ("", "words", "known", "http", "unknown")),
        *((method, "/ask", "") for method in ("GET", "HEAD", "PUT", "OPTIONS")),
        *(("POST", path, "") for path in ("/ask/", "/asks", "/", "/root/ask", "/other", "/ask?a=1", "/%61sk")),
        ("GET", "/other", ""),
    ],
)
def test_every_answer_is_the_usual_routes(both: tuple[TestClient, TestClient, str], method: str, path: str, body: str) -> None:
    direct, usual, prefix = both
    mine, theirs = (client.request(method, prefix + path, content=body) for client in (direct, usual))
    assert (mine.status_code, mine.content, mine.headers.multi_items()) == (
        theirs.status_code,
        theirs.content,
        theirs.headers.multi_items(),
    )


def test_the_documentation_is_the_same() -> None:
    assert _app(_direct).openapi() == _app(_usual).openapi()


def test_its_url_can_be_asked_for() -> None:
    assert _app(_direct).url_path_for("endpoint") == "/ask"


def test_nothing_but_requests_matches() -> None:
    route = DirectRoute("/ask", endpoint, **GIVEN)
    for kind in ("websocket", "lifespan"):
        assert route.matches({"type": kind, "path": "/ask"})[0] == Match.NONE


async def _with_body(said: Said) -> PlainTextResponse:
    return PlainTextResponse(said.said)


async def _with_dependency(said: str = Depends(lambda: "a")) -> PlainTextResponse:
    return PlainTextResponse(said)


@pytest.mark.parametrize(("path", "asked"), [("/{name}", endpoint), ("/a", _with_body), ("/a", _with_dependency)])
def test_what_needs_fastapis_work_is_refused(path: str, asked: Any) -> None:
    with pytest.raises(TypeError, match="needs FastAPI's own route"):
        DirectRoute(path, asked, methods=["POST"])
