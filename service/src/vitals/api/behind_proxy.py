"""An application behind a proxy: telemetry sees each request as without one, and every answer has the client's paths."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitals.api.forwarded import Forwarded


class BehindProxy(FastAPI):
    """Strips the prefix where the proxy did not, and believes trusted proxies, before anything else looks at a request."""

    def __init__(self, *, prefix: str, trusted: str, **given: Any) -> None:
        """prefix: ROOT_PATH; trusted: FORWARDED_ALLOW_IPS. Empty is none. The rest is FastAPI's."""
        super().__init__(**given)
        self._prefix = prefix
        self._forwarded = Forwarded(trusted) if trusted else None
        if prefix:
            self.add_middleware(UnderPrefix, prefix=prefix)  # the innermost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "lifespan":
            if self._forwarded is not None:
                self._forwarded.tell(scope)
            if self._prefix:
                self._strip(scope)
        await super().__call__(scope, receive, send)

    def _strip(self, scope: Scope) -> None:
        prefix, path = self._prefix, scope["path"]
        if path.startswith(f"{prefix}/"):
            scope["path"] = path.removeprefix(prefix)
            scope["raw_path"] = (scope.get("raw_path") or b"").removeprefix(prefix.encode())
        elif path == prefix and not self._is_a_route:
            scope["path"], scope["raw_path"] = "/", b"/"
        if scope.get("root_path") == prefix:  # the server was told the same
            scope["root_path"] = ""

    @cached_property
    def _is_a_route(self) -> bool:
        """Whether the application has a route of the prefix's name: a proxy that strips the prefix may ask for it."""
        return any(context.path == self._prefix for context in iter_route_contexts(self.routes))


class UnderPrefix:
    """Puts the prefix before the path for what makes links: documentation, errors and redirects.

    What a DirectRoute answers does not come here.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. The scope itself is changed, since error handlers further out read it too."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        prefix = self._prefix
        scope["root_path"] = prefix + scope.get("root_path", "")
        scope["path"] = prefix + scope["path"]
        scope["raw_path"] = prefix.encode() + (scope.get("raw_path") or b"")

        async def relative(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [_relative(*header) for header in message.get("headers") or ()]}
            await send(message)

        await self._app(scope, receive, relative)


def _relative(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A redirect as a path alone: which scheme and host the client used, not every proxy passes on."""
    if name != b"location":
        return name, value
    url = urlsplit(value)
    return name, url.path + (b"?" + url.query if url.query else b"")
