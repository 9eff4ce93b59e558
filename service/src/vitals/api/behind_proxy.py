"""An application behind a proxy: within it a request looks as it would without one, and every answer has the client's paths."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitals.api.forwarded import Forwarded


class BehindProxy(FastAPI):
    """Takes off the prefix that a proxy left on, and believes trusted proxies, before anything else looks at a request."""

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
                self._take_off(scope)
        await super().__call__(scope, receive, send)

    def _take_off(self, scope: Scope) -> None:
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
        """Whether the application has a route that is called as the prefix is: a proxy that takes the prefix off may ask for it."""
        return any(context.path == self._prefix for context in iter_route_contexts(self.routes))


class UnderPrefix:
    """Tells what is further in that the path is below the prefix: links, servers, errors and redirects are made of that."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. Its scope is changed and not copied: error handlers further out read it, too."""
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
    """A redirect as a path: whether the address before it is the client's depends on what proxies pass on, and rewrite."""
    if name != b"location":
        return name, value
    url = urlsplit(value)
    return name, url.path + (b"?" + url.query if url.query else b"")
