"""From what ended to OTLP: requests of spans and of log records, as the SDK's exporters would write them, only sooner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, Status, StatusCode

from vitals.telemetry.fast_path import record, wire
from vitals.telemetry.fast_path import shape as shapes
from vitals.telemetry.fast_path.linked_span import LinkedSpan, encoded
from vitals.telemetry.fast_path.request_event import RequestEvent
from vitals.telemetry.fast_path.shape import Attributes, Template
from vitals.telemetry.fast_path.span import RequestSpan


class Ended(NamedTuple):
    """A request whose answer is written: what it shares with others, its record, and what it has for itself.

    path: where it is not the route's. event: one more that it left. span: where something else was added to it.
    """

    template: Template
    record: bytes
    path: str = ""
    query: str = ""
    event: RequestEvent | None = None
    span: RequestSpan | None = None

    def attributes(self) -> Attributes:
        """Of the span, but for what was added to it."""
        made = self.template.shape.attributes(self.path, self.query)
        if client_port := record.unpack(self.record)[7]:
            made["client.port"] = client_port
        return made


@dataclass(slots=True)
class Encoded:
    """Of ended requests and linked spans: messages by kind, each with its tag and length; spans that the SDK encodes;
    what can't be encoded.
    """

    request_spans: list[bytes] = field(default_factory=list)
    linked_spans: list[bytes] = field(default_factory=list)
    logs: list[bytes] = field(default_factory=list)
    by_sdk: list[ReadableSpan] = field(default_factory=list)
    failed: list[Ended | LinkedSpan] = field(default_factory=list)


class Encoder:
    """Encodes for one resource. scope: the one that requests' spans are exported under."""

    def __init__(self, resource: Resource, scope: InstrumentationScope, ours: InstrumentationScope) -> None:
        self._resource = resource
        self._scope = scope
        # Named as they are sent: two keys that differ only in what UTF-8 has no form for would be one key twice.
        named = {key.encode("utf-8", "replace").decode(): value for key, value in resource.attributes.items()}
        self._resource_field = wire.sized(b"\x0a", wire.attributes(wire.RESOURCE_ATTRIBUTE, named))
        self._resource_schema = wire.text(b"\x1a", resource.schema_url) if resource.schema_url else b""
        self._request_scope, self._our_scope = _Scope(scope), _Scope(ours)

    def encode(self, items: Iterable[Ended | LinkedSpan]) -> Encoded:
        """All of them, in their order."""
        made = Encoded()
        for item in items:
            try:
                if not isinstance(item, LinkedSpan):
                    self._request(item, made)
                elif item.sampled and not item.made_by_sdk:
                    made.linked_spans.append(wire.sized(wire.SPAN, encoded(item)))
            except Exception:  # an application can put anything on a span: the others with it are not lost for it
                made.failed.append(item)
        return made

    def spans(self, request_spans: Sequence[bytes], linked_spans: Sequence[bytes]) -> bytes:
        """An `ExportTraceServiceRequest`."""
        by_scope = ((self._request_scope, request_spans), (self._our_scope, linked_spans))
        scopes = [scope.around(spans) for scope, spans in by_scope if spans]
        return wire.sized(b"\x0a", b"".join([self._resource_field, *scopes, self._resource_schema]))

    def logs(self, logs: Sequence[bytes]) -> bytes:
        """An `ExportLogsServiceRequest`."""
        return wire.sized(b"\x0a", b"".join([self._resource_field, self._our_scope.around(logs), self._resource_schema]))

    def _request(self, ended: Ended, made: Encoded) -> None:
        template, packed, path, query, event, span = ended
        flags = packed[-1]
        of_event: Sequence[bytes] = ()
        if event is not None:
            log, of_event = event.encoded(packed)
            made.logs.append(log)
        if not flags & record.SAMPLED:
            return
        if span is not None:
            made.by_sdk.append(self._readable(ended, span))
            return
        parts = [
            b"\x0a\x10",
            packed[_TRACE_ID],
            b"\x12\x08",
            packed[_SPAN_ID],
            template.head,
            packed[_START],
            b"\x41",
            packed[_END],
            template.tail_of_remote if flags & record.PARENT_REMOTE else template.tail,
        ]
        if flags & record.HAS_PARENT:
            parts += b"\x22\x08", packed[record.PARENT_SPAN_ID]
        if path:
            parts.append(wire.attribute(wire.SPAN_ATTRIBUTE, "url.path", path))
        if query:
            parts.append(wire.attribute(wire.SPAN_ATTRIBUTE, "url.query", query))
        client_port = packed[-3] | packed[-2] << 8
        if client_port:
            parts.append(_client_port(client_port))
        parts += of_event
        made.request_spans.append(wire.sized(wire.SPAN, b"".join(parts)))

    def _readable(self, ended: Ended, span: RequestSpan) -> ReadableSpan:
        """For a span that an application has added something to: as rare as that is, the SDK encodes it."""
        _, _, _, start, end, _, _, _, _ = record.unpack(ended.record)
        shape = ended.template.shape
        untouched = span.own_attributes is None
        attributes = span.own()
        for key, value in ended.attributes().items():
            if untouched or key in ("http.response.status_code", "error.type") or (key == "http.route" and key not in attributes):
                attributes[key] = value
        if ended.event is not None:
            for key, value in ended.event.span_attributes().items():
                attributes[key] = value
        failed = shape.status is not None and shapes.is_error(shape.status)
        return ReadableSpan(
            name=span.given_name or shape.name,
            context=span.get_span_context(),
            parent=span.parent,
            resource=self._resource,
            attributes=attributes,
            events=span.events or BoundedList(1),
            links=span.links or BoundedList(1),
            kind=SpanKind.INTERNAL if shape.internal else SpanKind.SERVER,
            status=span.status or Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            start_time=start,
            end_time=end,
            instrumentation_scope=self._scope,
        )


class _Scope:
    """An instrumentation scope, encoded once."""

    def __init__(self, scope: InstrumentationScope) -> None:
        version = wire.text(b"\x12", scope.version) if scope.version else b""
        self._field = wire.sized(b"\x0a", wire.text(b"\x0a", scope.name) + version)
        self._schema = wire.text(b"\x1a", scope.schema_url) if scope.schema_url else b""

    def around(self, messages: Sequence[bytes]) -> bytes:
        """A `ScopeSpans` or a `ScopeLogs` of them, with its tag."""
        return wire.sized(b"\x12", b"".join([self._field, *messages, self._schema]))


_TRACE_ID, _SPAN_ID, _START, _END = record.TRACE_ID, record.SPAN_ID, record.START, record.END

_PORT = wire.attribute(wire.SPAN_ATTRIBUTE, "client.port", 1 << 14)[:-3]
"""The attribute of a port that takes three bytes, but for these."""


def _client_port(port: int) -> bytes:
    """Its attribute. Each connection has another one, and the system mostly gives those that take three bytes."""
    if port < 1 << 14:
        return wire.attribute(wire.SPAN_ATTRIBUTE, "client.port", port)
    return _PORT + bytes((port & 127 | 128, port >> 7 & 127 | 128, port >> 14))
