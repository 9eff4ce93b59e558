"""The service behind a proxy: answers have the client's paths, and telemetry is as it is without a proxy."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from vitals.host.processes import wait_until

from .conftest import ROW
from .otlp_sink import Sink, otlp_sink
from .proxied import (
    CLIENT,
    PREFIX,
    PROXY,
    Ask,
    answered,
    as_clients_say,
    as_nginx_says,
    direct,
    documented,
    like_nginx,
    locations,
    nginx,
    through,
    vitals_serve,
)

JSON = "Content-Type: application/json"
PREDICT = json.dumps({"features": ROW}).encode()
V2 = {"inputs": [{"name": "input-0", "shape": [1, 4], "datatype": "FP32", "data": [5.1, 3.5, 1.4, 0.2]}]}

WAYS = ("no proxy", "what nginx sends, stripped", "what nginx sends, kept", "nginx, stripped", "nginx, kept", "nginx, no headers")


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with otlp_sink() as one:
        yield one


@pytest.fixture(scope="module", params=["on", "off"])
def served(request: pytest.FixtureRequest, model_folder: Path, sink: Sink) -> Iterator[tuple[str, int]]:
    """The service's name in telemetry, and its port: on the fast path, and on the SDK's."""
    name = f"fast path {request.param}"
    options = {"VITALS_FAST_PATH": request.param, "OTEL_SERVICE_NAME": name, "ROOT_PATH": f"{PREFIX}/"}
    with vitals_serve(model_folder, sink, **options, FORWARDED_ALLOW_IPS=PROXY) as port:
        yield name, port


@pytest.fixture(scope="module")
def nginx_ports(served: tuple[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    with nginx(tmp_path_factory.mktemp("nginx"), locations(served[1])) as ports:
        yield ports


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest, served: tuple[str, int]) -> Ask:
    _, port = served
    if request.param == "no proxy":
        return direct(port)
    if request.param.startswith("what nginx sends"):
        return like_nginx(port, kept=PREFIX if request.param.endswith("kept") else "")
    return through(request.getfixturevalue("nginx_ports")[WAYS.index(request.param) - 3])


def _span(sink: Sink, ask: Ask, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[str, dict[str, Any]]:
    """The name and the attributes of the span that this request leaves, but for what is each request's own."""
    trace_id = secrets.token_bytes(16)
    ask(method, path, f"traceparent: 00-{trace_id.hex()}-{secrets.token_hex(8)}-01", *headers, body=body)

    def found() -> list[Any]:
        return [one for one in sink.spans if one.item.trace_id == trace_id and "url.path" in one.attributes]

    assert wait_until(lambda: bool(found()), 30), "the span is sent"
    [span] = found()
    own = ("client.port", "network.protocol.version", "ml.prediction.id")
    return span.item.name, {name: value for name, value in span.attributes.items() if name not in own}


@pytest.mark.slow
def test_every_answer_has_the_paths_that_the_client_can_ask(ask: Ask) -> None:
    def told(method: str, path: str, status: int, body: bytes = b"") -> Any:
        answer = ask(method, path, *([JSON] if body else []), body=body)
        assert answer.status == status, (path, answer.body)
        return json.loads(answer.body)

    assert told("POST", "/predict", 200, PREDICT)["prediction"] == "setosa"
    assert told("POST", "/v2/models/iris/infer", 200, json.dumps(V2).encode())["outputs"][0]["data"] == ["setosa"]
    assert told("GET", "/model", 200)["name"] == "iris"
    assert told("GET", "/health/ready", 200)["status"] == "ready"
    assert told("GET", "/openapi.json", 200)["servers"] == [{"url": PREFIX}]
    assert f"url: '{PREFIX}/openapi.json'" in ask("GET", "/docs").body.decode()
    assert told("POST", "/predict", 422, b"{}")["instance"] == f"{PREFIX}/predict"
    assert told("DELETE", "/labels", 405)["instance"] == f"{PREFIX}/labels"
    assert told("GET", "/no%20where", 404)["instance"] == f"{PREFIX}/no where"
    assert f"POST {PREFIX}/predict " in told("POST", "/v1/models/iris:predict", 404, b"{}")["detail"]
    assert f" {PREFIX}/v2/models/iris/infer" in told("POST", "/v1/models/iris:predict", 404, b"{}")["detail"]
    assert told("POST", "/v2/models/iris/infer", 400, b"{}").keys() == {"error"}
    assert f" {PREFIX}/v2/nothing " in f"{told('GET', '/v2/nothing', 404)['error'].replace('.', ' ')}"


def test_a_redirect_leads_there_whoever_the_client_thinks_it_asks(ask: Ask) -> None:
    answer = ask("GET", "/model/?a=%20b")
    assert (answer.status, answer.headers["location"]) == (307, f"{PREFIX}/model?a=%20b")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("POST", "/predict", "/predict", 200),
        ("GET", "/model", "/model", 200),
        ("GET", "/v2/models/iris/ready", "/v2/models/{model_name}/ready", 200),
        ("GET", "/openapi.json", "/openapi.json", 200),
        ("GET", "/nothing/1", None, 404),
        ("GET", "/model/", None, 307),
    ],
)
def test_telemetry_is_as_without_a_proxy(
    ask: Ask, served: tuple[str, int], sink: Sink, request: pytest.FixtureRequest, method: str, path: str, route: str, status: int
) -> None:
    body = PREDICT if method == "POST" else b""
    name, attributes = _span(sink, ask, method, path, *([JSON] if body else []), body=body)
    own = {one for one in attributes if one.startswith("ml.")}
    assert own if path == "/predict" else not own
    told = {key: value for key, value in attributes.items() if key not in own}
    way = request.node.callspec.params["ask"]
    server = {"server.address": "api.example", "server.port": 8080}
    if way in ("no proxy", "nginx, no headers"):
        server = {"server.address": "127.0.0.1", "server.port": served[1]}
    expected = {
        "http.request.method": method,
        "http.response.status_code": status,
        "url.path": path,
        "url.scheme": "http",
        "client.address": PROXY if way == "nginx, no headers" else CLIENT,
        **server,
    }
    if route:
        expected["http.route"] = route
    assert (name, told) == (f"{method} {route}" if route else method, expected)


@pytest.mark.slow
def test_no_series_has_another_route(served: tuple[str, int], sink: Sink) -> None:
    """Whatever was asked, and by whom: as many series as routes."""
    name, port = served
    for ask in (like_nginx(port, kept=""), like_nginx(port, kept=PREFIX)):
        ask("GET", "/model")
        ask("GET", f"/nothing/{secrets.token_hex(4)}")

    def routes() -> set[Any]:
        return {one.attributes.get("http.route") for one in sink.last(name, "http.server.request.duration")}

    assert wait_until(lambda: {"/model", None} <= routes(), 30)
    assert not [route for route in routes() if route and (PREFIX in route or "nothing" in route)]
    assert {key for one in sink.last(name, "http.server.request.duration") for key in one.attributes} <= {
        "http.request.method", "http.response.status_code", "http.route", "network.protocol.version", "url.scheme", "error.type",
    }  # fmt: skip


FORGED = (
    "X-Forwarded-For: 203.0.113.7",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "Forwarded: for=203.0.113.8",
)


@pytest.mark.slow
def test_forged_headers_change_nothing(served: tuple[str, int], sink: Sink) -> None:
    port = served[1]
    assert _span(sink, direct(port), "GET", "/model", *FORGED) == _span(sink, direct(port), "GET", "/model")


@pytest.mark.slow
def test_headers_of_the_proxy_are_believed(served: tuple[str, int], sink: Sink) -> None:
    def from_the_proxy(method: str, path: str, *headers: str, body: bytes) -> Any:
        head = as_clients_say(method, path, "backend", [*headers], body)
        return answered(served[1], head, body, source=PROXY)

    _, told = _span(sink, from_the_proxy, "GET", "/model", *FORGED)
    assert (told["client.address"], told["url.scheme"]) == ("203.0.113.7", "https")
    assert (told["server.address"], told["server.port"]) == ("evil.example", 443)


@pytest.mark.slow
def test_nginx_replaces_what_its_clients_forge(served: tuple[str, int], sink: Sink, nginx_ports: list[int]) -> None:
    _, told = _span(sink, through(nginx_ports[0]), "GET", "/model", *FORGED)
    assert (told["client.address"], told["url.scheme"], told["server.address"]) == (CLIENT, "http", "api.example")


def test_what_is_sent_without_nginx_is_what_nginx_sends(tmp_path: Path) -> None:
    """As bytes: the tests that need no nginx stand for it."""
    with ExitStack() as until_the_end:
        listener = until_the_end.enter_context(socket.create_server(("127.0.0.1", 0)))
        [port, *_] = until_the_end.enter_context(nginx(tmp_path, locations(listener.getsockname()[1])))
        heard: list[bytes] = []

        def listen() -> None:
            connection, _ = listener.accept()
            with connection:
                while not b"".join(heard).endswith(PREDICT):
                    heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        thread = threading.Thread(target=listen)
        thread.start()
        assert through(port)("POST", "/predict?a=%20", JSON, "traceparent: 00", body=PREDICT).status == 204
        thread.join(30)
    head = as_nginx_says("POST", "/predict?a=%20", "api.example:8080", [JSON, "traceparent: 00"], PREDICT)
    assert b"".join(heard) == "\r\n".join([*head, "", ""]).encode() + PREDICT


def test_the_documented_location_sets_each_header_that_is_believed() -> None:
    """One that nginx does not set it passes on as its client sent it."""
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Host"):
        assert f"proxy_set_header {header} " in documented()
