"""What many requests have in common: encoded once, and copied into each of their spans.

Two requests have the same shape where everything in their spans is the same but ids, times, sizes, the client's port, and a path
that holds more than its route says.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from opentelemetry.trace import SpanKind

from vitals.telemetry.fast_path import wire

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
_SERVER_ERRORS = 500
_FIRST_STATUS = 100

Attributes = dict[str, str | int]


class Shape(NamedTuple):
    """The facts that a request shares with others. Empty texts, and None, are facts that it does not have."""

    method: str
    route: str
    path: str
    scheme: str
    protocol_version: str
    server_address: str
    server_port: int | None
    client_address: str
    user_agent: str
    internal: bool
    status: int | None

    def attributes(self, path: str = "", query: str = "") -> Attributes:
        """Of the span. path, query: those that a request has for itself."""
        method = known_method(self.method)
        made: Attributes = {"url.scheme": self.scheme}
        if self.server_address:
            made["server.address"] = self.server_address
            if self.server_port is not None:
                made["server.port"] = self.server_port
        if self.protocol_version:
            made["network.protocol.version"] = self.protocol_version
        if path or self.path:
            made["url.path"] = path or self.path
        if query:
            made["url.query"] = query
        if method != self.method:
            made["http.request.method_original"] = self.method
        made["http.request.method"] = method
        if self.user_agent:
            made["user_agent.original"] = self.user_agent
            if synthetic := _synthetic(self.user_agent):
                made["user_agent.synthetic.type"] = synthetic
        if self.client_address:
            made["client.address"] = self.client_address
        return made | self._answered()

    def measured(self) -> Attributes:
        """Of the request's metrics: never what a user chose freely."""
        made: Attributes = {
            "url.scheme": self.scheme,
            "network.protocol.version": self.protocol_version,
            "http.request.method": known_method(self.method),
        }
        if not self.protocol_version:
            del made["network.protocol.version"]
        return made | self._answered()

    def _answered(self) -> Attributes:
        """By which route, and how."""
        made: Attributes = {}
        if self.route:
            made["http.route"] = self.route
        if self.status is not None:
            made["http.response.status_code"] = self.status
            if is_error(self.status):
                made["error.type"] = str(self.status)
        return made

    @property
    def name(self) -> str:
        """Of the span: the method and the route, or the method alone."""
        return span_name(self.method, self.route)


class Template:
    """A shape, and what of its spans is encoded once."""

    def __init__(self, shape: Shape, *, remembered: bool = True) -> None:
        """remembered: whether others may keep it for further requests."""
        self.shape = shape
        self.remembered = remembered

    @cached_property
    def measured(self) -> tuple[tuple[str, str | int], ...]:
        """The attributes of its metrics, by which they are found."""
        return tuple(self.shape.measured().items())

    @cached_property
    def head(self) -> bytes:
        """Name and kind, and the tag of the start."""
        kind = SpanKind.INTERNAL if self.shape.internal else SpanKind.SERVER
        return wire.text(b"\x2a", self.shape.name) + b"\x30" + wire.varint(kind.value + 1) + b"\x39"  # OTLP counts kinds from 1

    @cached_property
    def tail(self) -> bytes:
        """Attributes, status and flags, where the parent is of this process or there is none."""
        return self._answered + _LOCAL

    @cached_property
    def tail_of_remote(self) -> bytes:
        """The same, where the parent is another process's."""
        return self._answered + _REMOTE

    @property
    def _answered(self) -> bytes:
        failed = self.shape.status is not None and is_error(self.shape.status)
        return wire.attributes(wire.SPAN_ATTRIBUTE, self.shape.attributes()) + (ERROR_STATUS if failed else UNSET_STATUS)


HAS_IS_REMOTE, IS_REMOTE = 0x100, 0x200
"""`Span.flags`: whether it is known that the parent is remote, and whether it is."""

_LOCAL = b"\x85\x01" + HAS_IS_REMOTE.to_bytes(4, "little")
_REMOTE = b"\x85\x01" + (HAS_IS_REMOTE | IS_REMOTE).to_bytes(4, "little")

UNSET_STATUS, ERROR_STATUS = b"\x7a\x00", b"\x7a\x02\x18\x02"
"""`Span.status` of the codes 0 and 2, without a message."""


def is_error(status: int) -> bool:
    """Whether a server's span of that HTTP status is a failed one, by the semantic conventions."""
    return status >= _SERVER_ERRORS or status < _FIRST_STATUS


def known_method(method: str) -> str:
    """The method by its standard name, or `_OTHER`: a client can send any word."""
    upper = method.upper()
    return upper if upper in _METHODS else "_OTHER"


def span_name(method: str, route: str) -> str:
    """Of a request's span; a method that is not known is called HTTP."""
    known = known_method(method)
    known = "HTTP" if known == "_OTHER" else known
    return f"{known} {route}" if route else known


def _synthetic(user_agent: str) -> str | None:
    from opentelemetry.util.http import detect_synthetic_user_agent

    return detect_synthetic_user_agent(user_agent)
