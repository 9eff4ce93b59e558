"""The route of a request as a template, whole: what routers are included with and applications mounted at comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Host, Match, Mount

_MOST_REMEMBERED = 4096
_LONGEST_REMEMBERED = 512
"""Characters of a method and a path: a client can send longer ones, each another one."""


class Routes:
    """Finds the route of a request that was routed: what was matched is looked up where that is clear, not matched again."""

    def __init__(self) -> None:
        self._by_route: dict[int, tuple[object, str]] = {}
        self._by_path: dict[tuple[str, str, str], str] = {}

    def of(self, scope: Mapping[str, Any], path: str, root_path: str) -> str:
        """Empty where nothing was matched. path, root_path: as they were before the request was routed."""
        route = scope.get("route")
        if route is not None and "app_root_path" not in scope:
            known = self._by_route.get(id(route))
            if known is not None and known[0] is route:
                return known[1]
        elif "endpoint" not in scope:
            return ""
        router = scope.get("router") or getattr(scope.get("app"), "router", None)  # none where a request skips its router
        key = (str(scope.get("method", scope["type"])), root_path, path)
        found = self._by_path.get(key)
        if found is not None:
            return found
        routes = getattr(router, "routes", ())
        if route is not None and "app_root_path" not in scope:
            paths = {context.path for context in iter_route_contexts(routes) if context.original_route is route}
            if len(paths) == 1 and isinstance(only := paths.pop(), str):
                self._remember(self._by_route, id(route), (route, only))
                return only
        found = _matched(routes, {**scope, "path": path, "root_path": root_path, "path_params": {}})
        if sum(map(len, key)) <= _LONGEST_REMEMBERED:
            self._remember(self._by_path, key, found)
        return found

    @staticmethod
    def _remember(into: dict[Any, Any], key: Any, value: Any) -> None:
        if len(into) >= _MOST_REMEMBERED:
            into.clear()
        into[key] = value


def _matched(routes: Sequence[BaseRoute], scope: dict[str, Any]) -> str:
    """The template of the first route that matches, in the order in which the router tries them."""
    for key in ("route", "endpoint", "app_root_path", "fastapi"):
        scope.pop(key, None)
    partial = ""
    for context in iter_route_contexts(routes):
        route = context.original_route
        match, child = context.matches(dict(scope)) if not isinstance(route, Mount | Host) else route.matches(dict(scope))
        if match is Match.NONE:
            continue
        if isinstance(route, Mount | Host):
            own = route.path if isinstance(route, Mount) else ""
            return own + _matched(getattr(route.app, "routes", ()) or (), {**scope, **child})
        path = context.path or ""
        if match is Match.FULL:
            return path
        partial = partial or path
    return partial
