"""The outermost ASGI application: one SERVER span, one count and one `traceresponse` a request, however it is nested."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from time import time_ns
from typing import Any, Protocol

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.propagators import TraceResponsePropagator, get_global_response_propagator
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanContext, StatusCode, set_span_in_context
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitals.telemetry import applications
from vitals.telemetry.fast_path import record
from vitals.telemetry.fast_path.encoder import Ended
from vitals.telemetry.fast_path.fast_path import FastPath
from vitals.telemetry.fast_path.shape import Attributes, Shape, Template, is_error, known_method
from vitals.telemetry.fast_path.span import RequestSpan
from vitals.telemetry.request_facts import ScopeGetter, content_length, facts_of, headers_of, plain_parent, text_of
from vitals.telemetry.routes import Routes

WATCHED = "vitals.watched"
"""In the scope of a request that has its span: an application that is mounted in another is instrumented with it."""

_MOST_TEMPLATES = 2048
_GETTER = ScopeGetter()


class Watching(Protocol):
    """What the middleware asks of the application's telemetry."""

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        ...

    @property
    def fast_path(self) -> FastPath | None:
        """None where the SDK makes the spans."""
        ...


class RequestTelemetry:
    """Watches the requests of one application."""

    def __init__(self, app: ASGIApp, by_sdk: ASGIApp, telemetry: Watching, *, excluded: Callable[[str], bool] | None) -> None:
        """app: what answers. by_sdk: the same, with the SDK's spans around it. excluded: of a URL, whether it is not watched."""
        self.app = app
        self._by_sdk = by_sdk
        self._telemetry = telemetry
        self._excluded = excluded
        self._routes = Routes()
        self._templates: dict[Shape, Template] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one websocket, or the lifespan."""
        if scope["type"] not in ("http", "websocket") or WATCHED in scope:
            await self.app(scope, receive, send)
            return
        scope[WATCHED] = True
        scope["fastapi.telemetry"] = None  # FastAPI makes spans of its own else
        if self._telemetry.disabled:
            await self._propagating(scope, receive, send)
            return
        entered = applications.enter(self._telemetry)
        try:
            if not is_http_instrumentation_enabled() or (self._excluded is not None and self._excluded(_url(scope))):
                await self.app(scope, receive, send)
                return
            fast_path = self._telemetry.fast_path
            if fast_path is None or scope["type"] == "websocket":
                await self._by_sdk(scope, receive, send)
                return
            await self._watched(fast_path, scope, receive, send)
        finally:
            applications.leave(entered)

    async def _propagating(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing is recorded, and whatever the application calls still gets the caller's trace."""
        if not any(name in _CARRIED for name, _ in scope["headers"]):
            await self.app(scope, receive, send)
            return
        token = contexts.attach(propagate.extract(scope, getter=_GETTER))
        try:
            await self.app(scope, receive, send)
        finally:
            contexts.detach(token)

    async def _watched(self, fast_path: FastPath, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self, fast_path, scope, send)
        token = contexts.attach(exchange.context)
        try:
            await self.app(scope, receive, exchange.send)
        finally:
            exchange.finish()
            contexts.detach(token)

    def template(self, shape: Shape) -> Template:
        """The one for this shape; they are remembered."""
        found = self._templates.get(shape)
        if found is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            found = self._templates[shape] = Template(shape)
        return found

    def route(self, scope: Scope, path: str, root_path: str) -> str:
        """Of a request that was routed."""
        return self._routes.of(scope, path, root_path)


class Exchange:
    """One request and its answer."""

    __slots__ = (
        "_active", "_facts", "_fast_path", "_internal", "_owner", "_response_bytes", "_scope", "_send", "_status", "_trailers",
        "context", "span",
    )  # fmt: skip

    def __init__(self, owner: RequestTelemetry, fast_path: FastPath, scope: Scope, send: Send) -> None:
        start = time_ns()
        headers = headers_of(scope)
        facts = self._facts = facts_of(scope, headers)
        self._owner, self._fast_path, self._scope, self._send = owner, fast_path, scope, send
        self._status: int | None = None
        self._response_bytes = -1
        self._trailers = False
        around, parent = _context_of(scope, headers)
        self._internal = around is None
        context = contexts.get_current() if around is None else around
        self.span = fast_path.span(facts.method, context, parent, start, self.attributes)
        self.context = set_span_in_context(self.span, context)
        active = fast_path.active.counts
        what = (known_method(facts.method), facts.scheme)
        self._active: tuple[str, str] | None = what
        active[what] = active.get(what, 0) + 1

    def shape(self) -> tuple[Shape, str]:
        """What this request shares with others, as far as it is known, and the path that it does not share."""
        facts = self._facts
        route = self._owner.route(self._scope, facts.path, facts.root_path)
        shared = route == facts.path
        shape = Shape(
            facts.method,
            route,
            facts.path if shared else "",
            facts.scheme,
            facts.protocol_version,
            facts.server_address,
            facts.server_port,
            facts.client_address,
            facts.user_agent,
            self._internal,
            self._status,
        )
        return shape, "" if shared else facts.path

    def attributes(self) -> Attributes:
        """Of the span, as far as they are known."""
        shape, path = self.shape()
        made = shape.attributes(path, self._facts.query)
        if self._facts.client_port:
            made["client.port"] = self._facts.client_port
        return made

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message of the answer on; the first gets the `traceresponse` header, and the last ends the span."""
        kind = message["type"]
        if kind == "http.response.start":
            return self._send(self._started(message))
        if kind == "http.response.body":
            if not message.get("more_body", False) and not self._trailers:
                return self._last(message)
        elif (kind == "http.response.trailers" and not message.get("more_trailers", False)) or kind == "http.response.pathsend":
            return self._last(message)
        return self._send(message)

    def finish(self) -> None:
        """The span ends now, unless it has; its record is left to the sender."""
        span, fast_path = self.span, self._fast_path
        if self._active is None:
            return
        fast_path.active.counts[self._active] -= 1
        self._active = None
        if not span.ended:
            span.ended = time_ns()
        facts, parent = self._facts, span.parent
        shape, path = self.shape()
        flags = record.SAMPLED if span.sampled else 0
        if span.random_trace_id:
            flags |= record.RANDOM_TRACE_ID
        if parent is not None:
            flags |= record.HAS_PARENT | record.PARENT_REMOTE if parent.is_remote else record.HAS_PARENT
        packed = record.pack(
            span.trace_id.to_bytes(16, "big"),
            span.span_id.to_bytes(8, "big"),
            parent.span_id.to_bytes(8, "big") if parent is not None else _NO_PARENT,
            span.start,
            span.ended,
            facts.request_bytes,
            self._response_bytes,
            facts.client_port,
            flags,
        )
        own = None if span.predicted is None and span.like_others else span
        fast_path.put(Ended(self._owner.template(shape), packed, path, facts.query, own))

    async def _last(self, message: Message) -> None:
        await self._send(message)
        self.finish()

    def _started(self, message: Message) -> Message:
        status = self._status = int(message["status"])
        span = self.span
        if span.status is not None and is_error(status):
            span.set_status(StatusCode.ERROR)
        self._trailers = bool(message.get("trailers"))
        headers = message.get("headers") or ()
        self._response_bytes = content_length(headers)
        return with_trace_response(message, span)


_NO_PARENT = bytes(8)
_CARRIED = frozenset({b"traceparent", b"tracestate", b"baggage", b"b3", b"x-b3-traceid", b"uber-trace-id", b"x-amzn-trace-id"})


def _context_of(scope: Scope, headers: MutableMapping[bytes, bytes]) -> tuple[Context | None, SpanContext | None]:
    """What the request's span is made in, None for the context that is there already; and the span's parent."""
    current = trace.get_current_span()
    if current is not INVALID_SPAN:
        outer = current.get_span_context()
        return None, outer if outer.is_valid else None
    if _standard(propagate.get_global_textmap()):
        if b"traceparent" not in headers and b"baggage" not in headers:
            return Context(), None
        if b"tracestate" not in headers and b"baggage" not in headers:
            parent = plain_parent(headers[b"traceparent"])
            if parent is not None:
                return set_span_in_context(NonRecordingSpan(parent), Context()), parent
    extracted = propagate.extract(scope, getter=_GETTER)
    found = trace.get_current_span(extracted).get_span_context()
    return extracted, found if found.is_valid else None


@lru_cache(maxsize=8)
def _standard(propagator: TextMapPropagator) -> bool:
    """Whether W3C's headers, and nothing else, say what the context is."""
    fields = propagator.fields
    known = type(propagator).__module__.startswith("opentelemetry.")
    return known and "traceparent" in fields and fields <= {"traceparent", "tracestate", "baggage"}


def with_trace_response(message: Message, span: Span) -> Message:
    """The message that starts an answer, with the header by which its trace is found; the application's own stays as it is."""
    propagator = get_global_response_propagator()  # type: ignore[no-untyped-call]
    if propagator is None:
        return message
    headers = list(message.get("headers") or ())
    made = {**message, "headers": headers}
    if type(propagator) is TraceResponsePropagator and type(span) is RequestSpan:
        value = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.sampled | span.random_trace_id << 1:02x}"
        headers.append((b"traceresponse", value.encode()))
        headers.append((b"access-control-expose-headers", b"traceresponse"))
    else:
        propagator.inject(made, context=set_span_in_context(span, Context()), setter=_SETTER)
    return made


class _Setter:
    """Headers of an ASGI message, for propagators."""

    def set(self, carrier: Message, key: str, value: str) -> None:
        """Add one."""
        carrier["headers"].append((key.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")))


_SETTER: Any = _Setter()


def _url(scope: Scope) -> str:
    host = next((text_of(value) for name, value in scope["headers"] if name == b"host"), None)
    if host is None:
        server = scope.get("server") or ("0.0.0.0", 80)  # noqa: S104 - as contrib's instrumentation names it
        host = f"{server[0]}:{server[1]}"
    return f"{scope.get('scheme', 'http')}://{host}{scope.get('path', '')}"
