"""The outermost ASGI application: one SERVER span, one count and one `traceresponse` a request, however it is nested."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from opentelemetry import context as contexts
from opentelemetry import propagate
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from starlette.types import ASGIApp, Receive, Scope, Send

from vitals.telemetry import applications
from vitals.telemetry.requests.exception_origin import note
from vitals.telemetry.requests.exchange import Alike, Exchange, carried_by
from vitals.telemetry.requests.request_facts import ScopeGetter, facts_of, headers_of, text_of
from vitals.telemetry.requests.routes import Routes

if TYPE_CHECKING:
    from vitals.telemetry.runtime import Telemetry

_logger = logging.getLogger(__name__)

WATCHED = "vitals.watched"
"""In the scope of a request that has its span: an application that is mounted in another is instrumented with it."""

_MOST_ALIKE = 2048
_LONGEST_REMEMBERED = 512
"""Of a user agent, a method, and an address that a proxy's header may hold: a client can send longer ones, each another one, and
memory is not for them.
"""

_GETTER = ScopeGetter()


class Propagation:
    """Records nothing: whatever the application calls still gets the caller's trace."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one websocket, or the lifespan."""
        if "headers" not in scope or WATCHED in scope:
            await self.app(scope, receive, send)
            return
        scope[WATCHED] = True
        scope["fastapi.telemetry"] = None  # FastAPI makes spans of its own else
        carried = carried_by(propagate.get_global_textmap())
        if carried is not None and carried.isdisjoint(headers_of(scope)):
            await self.app(scope, receive, send)
            return
        token = contexts.attach(propagate.extract(scope, getter=_GETTER))
        try:
            await self.app(scope, receive, send)
        finally:
            contexts.detach(token)


class RequestTelemetry:
    """Watches the requests of one application."""

    def __init__(self, app: ASGIApp, by_sdk: ASGIApp, telemetry: Telemetry, *, excluded: Callable[[str], bool] | None) -> None:
        """app: what answers. by_sdk: the same, with the SDK's spans around it. excluded: of a URL, whether it is not watched."""
        self.app = app
        self._by_sdk = by_sdk
        self._telemetry = telemetry
        self._excluded = excluded
        self.routes = Routes()
        self._alike: dict[Hashable, Alike] = {}
        self._watched_urls: dict[Hashable, bool] = {}
        self._warned = False

    def _begin(self) -> None:
        """For a server that runs no lifespan, an application that is mounted in another, one that is served after its end."""
        self._telemetry.start()
        if not self._warned and not self._telemetry.lifespans:
            self._warned = True
            _logger.warning(
                "The application's lifespan is not run: telemetry that is buffered when a signal ends the process is lost."
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one websocket, or the lifespan."""
        kind = scope["type"]
        if (kind != "http" and kind != "websocket") or WATCHED in scope:
            await self.app(scope, receive, send)
            return
        telemetry = self._telemetry
        if not telemetry.started or not (self._warned or telemetry.lifespans):
            self._begin()
        scope[WATCHED] = True
        scope["fastapi.telemetry"] = None  # FastAPI makes spans of its own else
        around = contexts.get_current()
        fast_path = telemetry.fast_path
        unusual = fast_path is None or kind == "websocket" or self._excluded is not None or around
        if unusual and not self._by_fast_path(scope):
            await self._otherwise(scope, receive, send)
            return
        assert fast_path is not None  # noqa: S101 - or it was served otherwise
        try:
            exchange = Exchange(self, fast_path, scope, send, around)
        except Exception:  # a scope that no server should make: it is answered as without us
            fast_path.failed("a request")
            await self.app(scope, receive, send)
            return
        entered = applications.enter(telemetry)
        token = contexts.attach(exchange.context)
        try:
            await self.app(scope, receive, exchange.send)
        except Exception as wrong:
            note(wrong, exchange.span.get_span_context())
            raise
        finally:
            if exchange.open:
                exchange.finish()
            contexts.detach(token)
            applications.leave(entered)

    def _by_fast_path(self, scope: Scope) -> bool:
        """Whether a request that is unusual in some way goes this way all the same."""
        if self._telemetry.fast_path is None or scope["type"] == "websocket" or not is_http_instrumentation_enabled():
            return False
        return self._excluded is None or self._is_watched(scope)

    def _is_watched(self, scope: Scope) -> bool:
        """Whether its URL is not one of those that are left out; what was said of one is remembered, unless it is long."""
        assert self._excluded is not None  # noqa: S101 - else nobody asks
        host = next((value for name, value in scope["headers"] if name == b"host"), None)
        path = scope.get("path", "")
        if len(host or b"") + len(path) > _LONGEST_REMEMBERED:
            return not self._excluded(_url(scope))
        key = (scope.get("scheme"), host, path, None if host is not None else tuple(scope.get("server") or ()))
        found = self._watched_urls.get(key)
        if found is None:
            if len(self._watched_urls) >= _MOST_ALIKE:
                self._watched_urls.clear()
            found = self._watched_urls[key] = not self._excluded(_url(scope))
        return found

    async def _otherwise(self, scope: Scope, receive: Receive, send: Send) -> None:
        entered = applications.enter(self._telemetry)
        try:
            unwatched = not is_http_instrumentation_enabled() or (self._excluded is not None and not self._is_watched(scope))
            await (self.app if unwatched else self._by_sdk)(scope, receive, send)
        finally:
            applications.leave(entered)

    def alike(self, scope: Scope, user_agent: bytes, internal: bool) -> Alike:
        """What this request shares with others of the same kind of client; they are remembered, but for unusually long ones."""
        get = scope.get
        server, client = get("server"), get("client")
        address = (client and client[0]) or ""
        if len(user_agent) + len(scope["method"]) + len(address) > _LONGEST_REMEMBERED:
            return Alike(facts_of(scope, {b"user-agent": user_agent}), internal=internal, remembered=False)
        key = (
            get("method"), get("scheme"), get("http_version"), server and server[0], server and server[1], address, user_agent,
            internal,
        )  # fmt: skip
        found = self._alike.get(key)
        if found is None:
            if len(self._alike) >= _MOST_ALIKE:
                self._alike.clear()
            found = self._alike[key] = Alike(facts_of(scope, {b"user-agent": user_agent}), internal=internal)
        return found


def _url(scope: Scope) -> str:
    host = next((text_of(value) for name, value in scope["headers"] if name == b"host"), None)
    if host is None:
        server = scope.get("server") or ("0.0.0.0", 80)  # noqa: S104 - as contrib's instrumentation names it
        host = f"{server[0]}:{server[1]}"
    return f"{scope.get('scheme', 'http')}://{host}{scope.get('path', '')}"
