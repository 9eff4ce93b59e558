"""A route whose endpoint is asked directly: FastAPI's work for each request is left out where there is nothing for it to do."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """Documented as any other route of FastAPI's; a request goes from the router to the endpoint.

    The endpoint takes the request and returns a response: no parameters of its path, no dependencies, no body that FastAPI would
    validate. What it raises is answered by the application's handlers, as everywhere.
    """

    def __init__(self, path: str, endpoint: Any, **given: Any) -> None:
        super().__init__(path, endpoint, **given)
        if self.dependant.dependencies or self.body_field or self.param_convertors or self.methods is None:
            raise TypeError(f"{path} needs FastAPI's own route: it has parameters or dependencies.")
        self._method_and_path = {(method, path) for method in self.methods}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As every route; the usual case is one look."""
        if scope["type"] == "http" and not scope.get("root_path") and (scope["method"], scope["path"]) in self._method_and_path:
            return Match.FULL, {"endpoint": self.endpoint, "path_params": dict(scope.get("path_params", ())), "route": self}
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the endpoint; another method is answered as by every route."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def add_first(app: FastAPI, route: APIRoute) -> None:
    """Add a route that is looked at before all others."""
    app.router.routes.insert(0, route)
