"""The SDK's path: contrib's instrumentation makes a request's span, and this measures it, as the fast path would."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import Meter, MeterProvider, NoOpMeterProvider
from opentelemetry.trace import Span, TracerProvider, set_span_in_context
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitals.telemetry.fast_path.fast_path import REQUEST_SCOPE
from vitals.telemetry.fast_path.measures import DURATION, REQUEST_SIZE, RESPONSE_SIZE
from vitals.telemetry.fast_path.shape import Shape, known_method, span_name
from vitals.telemetry.requests.exception_origin import note
from vitals.telemetry.requests.request_facts import Facts, content_length, facts_of, headers_of
from vitals.telemetry.requests.routes import Routes
from vitals.telemetry.stable_names import stable_http_names

_KEPT = "vitals.request"
"""In the scope that contrib is given: what belongs to this request."""


def instrumented(
    app: FastAPI, tracers: Callable[[], TracerProvider], meters: Callable[[], MeterProvider]
) -> tuple[ASGIApp, ASGIApp]:
    """The application's middleware stack, without and with contrib's span around it.

    tracers, meters: called once a request at most, for the providers of the application as it is served now.
    """
    build = app.build_middleware_stack
    with stable_http_names():
        FastAPIInstrumentor.instrument_app(
            app,
            tracer_provider=_Late(tracers),
            meter_provider=NoOpMeterProvider(),  # what contrib measures, it takes from all requests together
            excluded_urls="",  # looked at before
            exclude_spans=["receive", "send"],
            server_request_hook=_corrected,
        )
        stack: Any = app.build_middleware_stack()
    app.build_middleware_stack = build  # type: ignore[method-assign]
    contrib = stack.app
    if not isinstance(contrib, OpenTelemetryMiddleware):
        raise RuntimeError("opentelemetry-instrumentation-fastapi builds another stack than version 0.66 did.")
    plain: ASGIApp = contrib.app
    contrib.app = _Within(plain)
    return plain, SdkRequests(contrib, meters)


class _Late(TracerProvider):
    """Looks for the provider when a span is made: an application that is served again has another one."""

    def __init__(self, provider: Callable[[], TracerProvider]) -> None:
        self._provider = provider

    def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
        """One that looks for its provider, too."""
        return _LateTracer(lambda: self._provider().get_tracer(*args, **kwargs))


class _LateTracer:
    def __init__(self, tracer: Callable[[], Any]) -> None:
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracer(), name)


class SdkRequests:
    """Watches one request, or one websocket, with contrib's middleware."""

    def __init__(self, contrib: ASGIApp, meters: Callable[[], MeterProvider]) -> None:
        self._contrib = contrib
        self._meters = meters
        self._routes = Routes()
        self._made: tuple[MeterProvider, _Instruments] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it."""
        request = _Request(self, scope, send)
        if scope["type"] == "http":
            request.instruments.active.add(1, request.active)
        try:
            await self._contrib(_readable(scope, request), receive, request.send)
        finally:
            request.finish()

    def route(self, scope: Scope, facts: Facts) -> str:
        """Of a request that was routed."""
        return self._routes.of(scope, facts.path, facts.root_path)

    def instruments(self) -> _Instruments:
        """Of the provider that the application has now."""
        provider = self._meters()
        if self._made is None or self._made[0] is not provider:
            scope = REQUEST_SCOPE
            self._made = provider, _Instruments(provider.get_meter(scope.name, scope.version, scope.schema_url))
        return self._made[1]


class _Instruments:
    def __init__(self, meter: Meter) -> None:
        self.duration, self.request_size, self.response_size = (
            meter.create_histogram(one.name, one.unit, one.description, explicit_bucket_boundaries_advisory=list(one.bounds))
            for one in (DURATION, REQUEST_SIZE, RESPONSE_SIZE)
        )
        self.active = meter.create_up_down_counter(
            "http.server.active_requests", "{request}", "Number of active HTTP server requests."
        )


class _Request:
    """One request on the SDK's path."""

    def __init__(self, owner: SdkRequests, scope: Scope, send: Send) -> None:
        self._start = time.time_ns()
        self._owner = owner
        self.scope = scope
        self._send = send
        self.facts = facts_of(scope, headers_of(scope))
        self.instruments = owner.instruments()
        self.active = {"http.request.method": known_method(self.facts.method), "url.scheme": self.facts.scheme}
        self.span: Span | None = None
        self.given: tuple[Any, Any] = (None, None)
        self._status: int | None = None
        self._response_bytes = -1
        self._open = True

    def shape(self) -> Shape:
        """What is known of it now."""
        facts = self.facts
        route = self._owner.route(self.scope, facts)
        return Shape(
            facts.method, route, facts.path, facts.scheme, facts.protocol_version, facts.server_address, facts.server_port,
            facts.client_address, facts.user_agent, False, self._status,
        )  # fmt: skip

    def started(self, message: Message) -> None:
        """The answer begins: the request was routed, so the span can be named whole."""
        self._status = int(message["status"])
        self._response_bytes = content_length(message.get("headers") or ())
        self.name()

    def name(self) -> None:
        """Give the span the name and the route that it has once it is routed, unless the application gave it others."""
        span, shape = self.span, self.shape()
        if span is None or not shape.route or not span.is_recording():
            return
        if getattr(span, "name", None) == self.given[0]:
            span.update_name(span_name(shape.method, shape.route) if shape.method else shape.route)
        if (getattr(span, "attributes", None) or {}).get("http.route") == self.given[1]:
            span.set_attribute("http.route", shape.route)

    async def send(self, message: Message) -> None:
        """The way out: what contrib has seen is passed on, and the last message ends the measurement."""
        await self._send(message)
        kind = message["type"]
        if (kind == "http.response.body" and not message.get("more_body", False)) or kind == "http.response.pathsend":
            self.finish()

    def finish(self) -> None:
        """Measure it, once."""
        if not self._open or self.scope["type"] != "http":
            return
        self._open = False
        measured = dict(self.shape().measured())
        context = set_span_in_context(self.span) if self.span is not None else None
        made = self.instruments
        made.duration.record((time.time_ns() - self._start) / 1e9, measured, context=context)
        if self._response_bytes >= 0:
            made.response_size.record(self._response_bytes, measured, context=context)
        if self.facts.request_bytes >= 0:
            made.request_size.record(self.facts.request_bytes, measured, context=context)
        made.active.add(-1, self.active)


class _Within:
    """What contrib calls: the application, with the scope that the server gave."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it."""
        request: _Request = scope[_KEPT]

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.started(message)
                message = {**message, "headers": list(message.get("headers") or ())}  # contrib adds to the list
            await send(message)

        try:
            await self._app(request.scope, receive, named)
        except BaseException as wrong:
            request.name()
            if request.span is not None:
                note(wrong, request.span.get_span_context())
            if request.span is not None and request.span.is_recording():
                request.span.end()  # contrib would keep the exception once more
            raise
        request.name()


def _corrected(span: Span, scope: Mapping[str, Any]) -> None:
    """What contrib reads wrongly: the address of a server has no port in it, and a header can hold any byte."""
    request: _Request = scope[_KEPT]
    request.span = span
    if not span.is_recording():
        return
    # What it was called when it began: known of the SDK's spans.
    request.given = getattr(span, "name", None), (getattr(span, "attributes", None) or {}).get("http.route")
    facts = request.facts
    right: MutableMapping[str, Any] = {"url.path": facts.path}
    if facts.query:
        right["url.query"] = facts.query
    if facts.user_agent:
        right["user_agent.original"] = facts.user_agent
    if facts.server_address:
        right["server.address"] = facts.server_address
    span.set_attributes(right)


def _readable(scope: Scope, request: _Request) -> Scope:
    """The scope for contrib alone, which decodes more than it has to and fails at what is not UTF-8."""
    headers = [(name, value if value.isascii() else b"") for name, value in scope["headers"] if name.isascii()]
    made = {**scope, "headers": headers, "query_string": b"", _KEPT: request}
    if scope.get("server") is None:
        made["server"] = ("", _NoPort())
    return made


class _NoPort(int):
    """contrib takes a server that is not known for 0.0.0.0; a port that is none, and is written as 80, it leaves out."""

    def __str__(self) -> str:
        return "80"
