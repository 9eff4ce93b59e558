"""A route whose endpoint is asked directly: what Starlette and FastAPI do for each request is left out where it has no use.

That is routing, solving dependencies, stacks of what is to be closed, and looking for exceptions three times. A request that
fails goes through all of it: what it failed with is raised where any other route would have raised it.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_FAILED = "vitals.failed"


class DirectRoute(APIRoute):
    """Documented, found and refused as any other route of FastAPI's.

    The endpoint takes the request and returns a response: no parameters of its path, no dependencies, no body that FastAPI would
    validate. What it raises is answered by the application's handlers, as everywhere.
    """

    def __init__(self, path: str, endpoint: Any, **given: Any) -> None:
        super().__init__(path, endpoint, **given)
        if self.dependant.dependencies or self.body_field or self.param_convertors or not self.methods:
            raise TypeError(f"{path} needs FastAPI's own route: it has parameters or dependencies.")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the endpoint, or raise what it has raised already; another method is answered as by every route."""
        if _FAILED in scope:
            raise scope.pop(_FAILED)
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


class DirectWay:
    """The short way to a DirectRoute: the innermost of an application's own middlewares."""

    def __init__(self, app: ASGIApp, route: DirectRoute) -> None:
        self._app = app
        self._route = route
        self._asked = {(method, route.path) for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the route's endpoint where the request is for it; any other goes on."""
        if scope["type"] != "http" or scope.get("root_path") or (scope["method"], scope["path"]) not in self._asked:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["endpoint"] = self._route, self._route.endpoint
        scope.setdefault("path_params", {})
        try:
            response = await self._route.endpoint(Request(scope, receive, send))
        except Exception as failed:
            scope[_FAILED] = failed
            await self._app(scope, receive, send)
            return
        await response(scope, receive, send)


def add_direct(app: FastAPI, route: DirectRoute) -> None:
    """Add the route, before all others, and the short way to it; before any other middleware is added."""
    app.router.routes.insert(0, route)
    app.add_middleware(DirectWay, route=route)
