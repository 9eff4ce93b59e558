"""What an ASGI scope says of a request, read once: nothing in it can make the request fail, however it is encoded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import SpanContext, TraceFlags

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_LONGEST_LENGTH = 18
_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16


class Facts(NamedTuple):
    """Of one request, as they were when it came. None, -1 and empty texts are what it does not say."""

    method: str
    scheme: str
    path: str
    query: str
    root_path: str
    protocol_version: str
    server_address: str
    server_port: int | None
    client_address: str
    client_port: int
    user_agent: str
    request_bytes: int


def facts_of(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Facts:
    """headers: from `headers_of`."""
    server, client = scope.get("server"), scope.get("client")
    user_agent = headers.get(b"user-agent")
    query = scope.get("query_string")
    return Facts(
        scope.get("method", ""),
        scope.get("scheme", "http"),
        scope.get("path", ""),
        text_of(query) if query else "",
        outer_root_path(scope),
        scope.get("http_version", ""),
        str(server[0]) if server and server[0] else "",
        server[1] if server else None,  # None for a Unix socket, whose address is its path
        str(client[0]) if client and client[0] else "",
        client[1] or 0 if client else 0,
        text_of(user_agent) if user_agent else "",
        length_of(headers.get(b"content-length")),
    )


def outer_root_path(scope: Mapping[str, Any]) -> str:
    """The root path as the outermost application has it: one that is mounted in another is routed below a longer one."""
    root_path: str = scope.get("app_root_path", scope.get("root_path", ""))
    return root_path


def headers_of(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    """By name; of several with one name the first."""
    return dict(reversed(scope["headers"]))


def text_of(value: bytes | str) -> str:
    """A header or a query as text: UTF-8 where it is that, else Latin-1, in which every byte is a character."""
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def plain_parent(traceparent: bytes) -> SpanContext | None:
    """The span that a `traceparent` of version 00 names; None where it is of another form."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    trace_id, span_id, flags = found.groups()
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))


class ScopeGetter(Getter[Mapping[str, Any]]):
    """Headers of an ASGI scope, for propagators."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        """All values of a header, or None."""
        name = key.lower().encode("latin-1", "replace")
        found = [text_of(value) for one, value in carrier["headers"] if one.lower() == name]
        return found or None

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        """The headers' names."""
        return [text_of(name) for name, _ in carrier["headers"]]


def content_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Of an answer; -1 where it does not say."""
    for name, value in headers:
        if name == b"content-length" or name.lower() == b"content-length":
            return length_of(value)
    return -1


def length_of(value: bytes | None) -> int:
    """Of a `content-length` header; -1 where there is none, or none that can be true."""
    return int(value) if value is not None and value.isdigit() and len(value) <= _LONGEST_LENGTH else -1
