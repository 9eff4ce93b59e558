"""`instrument(app)` behind uvicorn's own options for proxies: the span says what uvicorn believes, by either path."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from vitals.host.processes import wait_until

from .otlp_sink import Sink, otlp_sink
from .proxied import CLIENT, PROXY, answered, as_clients_say, as_nginx_says, uvicorn_serves

pytestmark = pytest.mark.slow

ARGUMENTS = {
    "outside": ("--proxy-headers", "--forwarded-allow-ips", PROXY, "--root-path", "/ml"),
    "inside": ("--no-proxy-headers",),
}
"""uvicorn's options for an application; `inside` has uvicorn's middleware among its own instead."""


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with otlp_sink() as one:
        yield one


@pytest.fixture(scope="module", params=["on", "off"])
def fast_path(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module", params=[*ARGUMENTS])
def served(request: pytest.FixtureRequest, sink: Sink, fast_path: str) -> Iterator[tuple[str, int]]:
    """Which application, and its port."""
    application = f"tests.unit.proxied_applications:{request.param}"
    with uvicorn_serves(application, sink, *ARGUMENTS[request.param], VITALS_FAST_PATH=fast_path) as port:
        yield request.param, port


def _span(sink: Sink, port: int, source: str, say: Any, *more: str) -> tuple[str, dict[str, Any]]:
    trace_id = secrets.token_bytes(16)
    headers = [f"traceparent: 00-{trace_id.hex()}-{secrets.token_hex(8)}-01", *more]
    assert answered(port, say("GET", "/items/1", "api.example", headers, b""), source=source).status == 200

    def found() -> list[Any]:
        return [one for one in sink.spans if one.item.trace_id == trace_id]

    assert wait_until(lambda: bool(found()), 30), "the span is sent"
    [span] = found()
    return span.item.name, span.attributes


FORGED = ("X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https")


@pytest.mark.parametrize(
    ("source", "say", "more", "seen"),
    [
        (PROXY, as_nginx_says, (), {"outside": (CLIENT, None, "http"), "inside": (PROXY, "its own", "http")}),
        (PROXY, as_clients_say, FORGED, {"outside": ("203.0.113.7", None, "https"), "inside": (PROXY, "its own", "http")}),
        (CLIENT, as_clients_say, FORGED, {"outside": (CLIENT, "its own", "http"), "inside": (CLIENT, "its own", "http")}),
    ],
)
def test_a_span_has_one_client(
    served: tuple[str, int], sink: Sink, source: str, say: Any, more: tuple[str, ...], seen: dict[str, Any]
) -> None:
    """Address and port are of the same one: the port of a client behind a proxy is not known."""
    application, port = served
    name, told = _span(sink, port, source, say, *more)
    assert (name, told["http.route"]) == ("GET /items/{item}", "/items/{item}")
    assert told["url.path"] == ("/ml/items/1" if application == "outside" else "/items/1")
    client_port = told.get("client.port") and "its own"
    assert (told["client.address"], client_port, told["url.scheme"]) == seen[application]
