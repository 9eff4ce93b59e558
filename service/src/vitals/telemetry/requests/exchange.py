"""One request and its answer, on the fast path: its span, and the record that it becomes."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.propagators import TraceResponsePropagator, get_global_response_propagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, StatusCode, set_span_in_context
from starlette.types import Message, Scope, Send

from vitals.telemetry.fast_path import record
from vitals.telemetry.fast_path.encoder import Ended
from vitals.telemetry.fast_path.fast_path import FastPath
from vitals.telemetry.fast_path.shape import Attributes, Shape, Template, is_error, known_method
from vitals.telemetry.fast_path.span import RequestSpan, trace_flags
from vitals.telemetry.requests.request_facts import (
    Facts,
    ScopeGetter,
    content_length,
    headers_of,
    length_of,
    outer_root_path,
    plain_parent,
    text_of,
)

if TYPE_CHECKING:
    from vitals.telemetry.requests.middleware import RequestTelemetry

_MOST_TEMPLATES = 1024
_LARGEST_PORT = 65_535
_GETTER = ScopeGetter()


class Alike:
    """Requests of one method from one client program at one address: what is known of them, and their templates."""

    __slots__ = ("_internal", "_remembered", "_templates", "active", "facts")

    def __init__(self, facts: Facts, *, internal: bool, remembered: bool = True) -> None:
        """facts: of one of them. remembered: whether more of them are expected."""
        self.facts = facts
        self.active = (known_method(facts.method), facts.scheme)
        self._internal, self._remembered = internal, remembered
        self._templates: dict[tuple[str, str, int | None], Template] = {}

    def template(self, route: str, path: str, status: int | None) -> Template:
        """For those that were answered so. path: where it is the route, else empty."""
        key = (route, path, status)
        found = self._templates.get(key)
        if found is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            found = self._templates[key] = Template(self.shape(route, path, status), remembered=self._remembered)
        return found

    def shape(self, route: str, path: str, status: int | None) -> Shape:
        """The same, not remembered."""
        facts = self.facts
        return Shape(
            facts.method,
            route,
            path,
            facts.scheme,
            facts.protocol_version,
            facts.server_address,
            facts.server_port,
            facts.client_address,
            facts.user_agent,
            self._internal,
            status,
        )


class Exchange:
    """One request and its answer."""

    __slots__ = (
        "_alike", "_client_port", "_fast_path", "_owner", "_path", "_request_bytes", "_response_bytes", "_root_path", "_scope",
        "_send", "_status", "_trailers", "context", "open", "span",
    )  # fmt: skip

    def __init__(self, owner: RequestTelemetry, fast_path: FastPath, scope: Scope, send: Send, around: Context) -> None:
        start = time_ns()
        headers = headers_of(scope)
        self._owner, self._fast_path, self._scope, self._send = owner, fast_path, scope, send
        self._path, self._root_path = scope["path"], outer_root_path(scope)
        self._client_port = _port(scope.get("client"))  # a middleware further in may put another client there
        self._status: int | None = None
        self._response_bytes = -1
        length = headers.get(b"content-length")
        self._request_bytes = -1 if length is None else length_of(length)
        self._trailers = False
        self.open = True
        internal = bool(around) and trace.get_current_span(around) is not INVALID_SPAN
        alike = self._alike = owner.alike(scope, headers.get(b"user-agent", b""), internal)
        context: Context | None = None
        parent: SpanContext | None = None
        if internal:
            context, parent = around, _valid(around)
        elif (carried := carried_by(propagate.get_global_textmap())) is None or not carried.isdisjoint(headers):
            context, parent = _caller(scope, headers)
        span = self.span = fast_path.span(context, parent, start, self.attributes)
        self.context = Context({**context, _SPAN: span}) if context else Context({_SPAN: span})
        active = fast_path.active.counts
        active[alike.active] = active.get(alike.active, 0) + 1

    def attributes(self) -> Attributes:
        """Of the span, as far as they are known."""
        route = self._owner.routes.of(self._scope, self._path, self._root_path)
        query = self._scope.get("query_string")
        made = self._alike.shape(route, self._path, self._status).attributes(query=text_of(query) if query else "")
        if self._client_port:
            made["client.port"] = self._client_port
        return made

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message of the answer on; the first gets the `traceresponse` header, and the last ends the span."""
        kind = message["type"]
        if kind == "http.response.body":
            return self._send(message) if self._trailers or message.get("more_body") else self._last(message)
        if kind == "http.response.start":
            try:
                status = self._status = int(message["status"])
                span = self.span
                if span.status is not None and is_error(status):
                    span.set_status(StatusCode.ERROR)
                self._trailers = bool(message.get("trailers"))
                self._response_bytes = content_length(message.get("headers") or ())
                message = with_trace_response(message, span)
            except Exception:  # a message that is wrong is the server's to refuse
                self._fast_path.failed("the start of an answer")
        elif kind == "http.response.pathsend" or (kind == "http.response.trailers" and not message.get("more_trailers")):
            return self._last(message)
        return self._send(message)

    def finish(self) -> None:
        """The span ends now; its record is left to the sender. Once, while it is `open`."""
        self.open = False
        fast_path, span, scope, path, status = self._fast_path, self.span, self._scope, self._path, self._status
        fast_path.active.counts[self._alike.active] -= 1
        try:
            if not span.ended:
                span.ended = time_ns()
            route = self._owner.routes.of(scope, path, self._root_path)
            shared = path if route == path else ""
            packed = record.pack(
                span.trace_id,
                span.span_id,
                span.parent_span_id,
                span.start,
                span.ended,
                self._request_bytes,
                self._response_bytes,
                self._client_port,
                span.flags,
            )
            template = self._alike.template(route, shared, status)
            query = scope.get("query_string")
            of_itself = None if span.like_others else span
            query = text_of(query) if query else ""
            made = (template, packed, "" if shared else path, query, span.event, of_itself)
            fast_path.put(_new_tuple(Ended, made))
        except Exception:  # whatever a scope holds that no server should put there: the answer is the application's
            fast_path.failed("a request")
        span.let_go()

    async def _last(self, message: Message) -> None:
        await self._send(message)
        if self.open:
            self.finish()


_new_tuple = tuple.__new__
"""Makes a named tuple of its fields, as its class does in one call more."""


def _port(client: Any) -> int:
    """Of a client as an ASGI scope has it; 0 where there is none."""
    port = client[1] if client else 0
    return port if isinstance(port, int) and 0 <= port <= _LARGEST_PORT else 0


_SPAN = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""Where a context has its current span: what OpenTelemetry's function does for each request takes five calls."""


def _caller(scope: Scope, headers: Mapping[bytes, bytes]) -> tuple[Context | None, SpanContext | None]:
    """What the caller sent along, None where that is a `traceparent` at most; and the span that called."""
    standard = carried_by(propagate.get_global_textmap()) is not None
    if standard and b"tracestate" not in headers and b"baggage" not in headers:
        parent = plain_parent(headers[b"traceparent"])
        if parent is not None:
            return None, parent
    extracted = propagate.extract(scope, getter=_GETTER)
    return extracted, _valid(extracted)


def _valid(context: Context) -> SpanContext | None:
    found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None


@lru_cache(maxsize=8)
def carried_by(propagator: TextMapPropagator) -> frozenset[bytes] | None:
    """The headers by which a caller is known; None where only the propagator knows them.

    Of OpenTelemetry's own these are W3C's. What others look for they need not say: some take all headers with a prefix.
    """
    fields = propagator.fields
    known = type(propagator).__module__.startswith("opentelemetry.")
    if not known or "traceparent" not in fields or not fields <= {"traceparent", "tracestate", "baggage"}:
        return None
    return frozenset(field.encode() for field in fields)


def with_trace_response(message: Message, span: Span) -> Message:
    """The message that starts an answer, with the header by which its trace is found; the application's own stays as it is."""
    propagator = get_global_response_propagator()  # type: ignore[no-untyped-call]
    if propagator is None:
        return message
    made = {**message}
    if type(propagator) is TraceResponsePropagator and type(span) is RequestSpan:
        value = b"00-%b-%b-%b" % (hexlify(span.trace_id), hexlify(span.span_id), _FLAGS[span.flags])
        made["headers"] = [*(message.get("headers") or ()), (b"traceresponse", value), _EXPOSED]
    else:
        made["headers"] = list(message.get("headers") or ())
        propagator.inject(made, context=set_span_in_context(span, Context()), setter=_SETTER)
    return made


_FLAGS = tuple(b"%02x" % trace_flags(flags) for flags in range(16))
"""As `traceparent` has them, by the flags of a record."""

_EXPOSED = (b"access-control-expose-headers", b"traceresponse")


class _Setter:
    """Headers of an ASGI message, for propagators."""

    def set(self, carrier: Message, key: str, value: str) -> None:
        """Add one."""
        carrier["headers"].append((key.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")))


_SETTER: Any = _Setter()
