"""A stand-in for Kibana's HTTP API: answers what the API reference and the routes' own schemas of 9.x say, and nothing else.

Kibana itself can't be had where these tests run. What stands here was read from the API reference (get-status, create-data-view,
setdefaultdatailviewdefault, post-saved-objects-import: https://www.elastic.co/docs/api/doc/kibana) and from elastic/kibana:
- data views: src/platform/plugins/shared/data_views/server/rest_api_routes/{schema.ts,public/{create,default}_data_view.ts}
- import: src/core/packages/saved-objects/server-internal/src/routes/import.ts, import-export-server-internal/src/import/lib/*
- search: src/platform/plugins/shared/saved_search/server/saved_objects/schema_legacy.ts (SCHEMA_SEARCH_MODEL_VERSION_5)
- dashboard: src/platform/plugins/shared/dashboard/server/dashboard_saved_object/schema/{v1,v2}; how 9.x reads its panels:
  ../api/transforms/out/{panel_bwc,get_panel_references}.ts
- lens: x-pack/platform/plugins/shared/lens/server/content_management/v0/schema/common.ts
A call that Kibana would refuse gets Kibana's refusal.
"""

from __future__ import annotations

import base64
import email
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, Any]]

_DATA_VIEW = {
    "title": str,
    "version": str,
    "id": str,
    "type": str,
    "timeFieldName": str,
    "sourceFilters": list,
    "fields": dict,
    "typeMeta": dict,
    "fieldFormats": dict,
    "fieldAttrs": dict,
    "allowNoIndex": bool,
    "runtimeFieldMap": dict,
    "name": str,
    "namespaces": list,
    "allowHidden": bool,
}
_FORMATS: dict[str, set[str]] = {
    "url": {"type", "urlTemplate", "labelTemplate", "width", "height", "openLinkInCurrentTab"},
    "color": {"fieldType", "colors"},
    "number": {"pattern"},
    "duration": {"inputFormat", "outputFormat", "outputPrecision", "showSuffix", "useShortSuffix", "includeSpaceWithSuffix"},
}
"""The formatters used here and their parameters, from src/platform/plugins/shared/field_formats/common/converters."""

_META = {"kibanaSavedObjectMeta": dict}
_TIME = {"timeRestore": bool, "refreshInterval": dict}
_ATTRIBUTES: dict[tuple[str, str], dict[str, type]] = {
    ("search", "10.5.0"): {
        **_META,
        **_TIME,
        "title": str,
        "description": str,
        "columns": list,
        "sort": list,
        "grid": dict,
        "rowHeight": int,
        "rowsPerPage": int,
        "hideChart": bool,
        "breakdownField": str,
        "isTextBasedQuery": bool,
        "usesAdHocDataView": bool,
        "timeRange": dict,
        "viewMode": str,
        "hideAggregatedPreview": bool,
        "sampleSize": int,
        "headerRowHeight": int,
        "visContext": dict,
        "density": str,
    },
    ("dashboard", "10.2.0"): {
        **_META,
        **_TIME,
        "title": str,
        "description": str,
        "timeFrom": str,
        "timeTo": str,
        "controlGroupInput": dict,
        "panelsJSON": str,
        "optionsJSON": str,
        "version": int,
    },
    ("lens", "8.9.0"): {"title": str, "description": str, "visualizationType": str, "state": dict},
}
"""By type and version of the type: the attributes that its schema knows; dashboards refuse others, the rest would be lost."""

_REQUIRED = {"search": {"title", "kibanaSavedObjectMeta"}, "dashboard": {"title"}, "lens": {"title"}}
_OBJECT = {"type", "id", "attributes", "references", "managed", "coreMigrationVersion", "typeMigrationVersion"}


@dataclass
class Kibana:
    """What it has, what it was asked, and how it is to behave."""

    password: str = "made-up"
    forbidden: bool = False
    not_ready_for: int = 0
    """So many questions for its status are answered 503."""
    fail_objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id: the `error` that an import gives for the object."""
    silent_on: str | None = None
    """The path on which it takes the call and does not answer."""
    data_views: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    default: str | None = None
    calls: list[str] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Kibana's answer to one call."""
        url = urlsplit(target)
        route = f"{method} {url.path}"
        self.calls.append(f"{method} {target}")
        if url.path == self.silent_on:
            self.released.wait(30)
        if route == "GET /api/status":
            return self._status()
        if headers.get("authorization") != "Basic " + base64.b64encode(f"analyst:{self.password}".encode()).decode():
            return _refusal(401, "Unauthorized", "security_exception: unable to authenticate user")
        if method != "GET" and not headers.get("kbn-xsrf"):
            return _refusal(400, "Bad Request", "Request must contain a kbn-xsrf header.")
        if self.forbidden:
            return _refusal(
                403, "Forbidden", f"API [{route}] is unauthorized for user, this action is granted by the Kibana privileges"
            )
        kind = headers.get("content-type", "")
        query = parse_qs(url.query, strict_parsing=bool(url.query))
        match route:
            case "POST /api/data_views/data_view":
                return self._create_data_view(_json_body(kind, query, body))
            case "POST /api/data_views/default":
                return self._set_default(_json_body(kind, query, body))
            case "POST /api/saved_objects/_import":
                return self._import(kind, query, body)
        return _refusal(404, "Not Found", "Not Found")

    def _status(self) -> Answer:
        self.not_ready_for -= 1
        level = "unavailable" if self.not_ready_for >= 0 else "available"
        return (503 if level == "unavailable" else 200), {"status": {"overall": {"level": level}}}

    def _create_data_view(self, body: dict[str, Any]) -> Answer:
        _only(body, {"override", "refresh_fields", "data_view"})
        view = body["data_view"]
        _of_types(view, _DATA_VIEW, required={"title"})
        for name, formatter in view.get("fieldFormats", {}).items():
            _only(formatter, {"id", "params"})
            _only(formatter.get("params", {}), _FORMATS.get(formatter["id"], set()), f"{formatter['id']} of {name}")
        for attributes in view.get("fieldAttrs", {}).values():
            _only(attributes, {"customLabel", "customDescription", "count"})
            if len(attributes.get("customDescription", "")) > 300:
                raise _BadRequest("customDescription is longer than 300")
        same_name = [name for name, known in self.data_views.items() if known.get("name") == view.get("name")]
        if same_name and not body.get("override"):
            return _refusal(400, "Bad Request", f"Duplicate data view: {view.get('name')}")
        for name in same_name:
            del self.data_views[name]
        self.data_views[view["id"]] = view
        return 200, {"data_view": view}

    def _set_default(self, body: dict[str, Any]) -> Answer:
        _only(body, {"data_view_id", "force"})
        if self.default is None or body.get("force"):
            self.default = body["data_view_id"]
        return 200, {"acknowledged": True}

    def _import(self, kind: str, query: dict[str, list[str]], body: bytes) -> Answer:
        _only(query, {"overwrite", "createNewCopies", "compatibilityMode"})
        if not kind.startswith("multipart/form-data; boundary="):
            return _refusal(415, "Unsupported Media Type", "Unsupported Media Type")
        form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = form.get_payload()
        assert isinstance(parts, list)
        names = [part.get_param("name", header="content-disposition") for part in parts]
        if names != ["file"]:
            raise _BadRequest(f"[request body]: parts {names}, expected one called file")
        name = str(parts[0].get_filename())
        if not name.endswith(".ndjson"):
            raise _BadRequest(f"Invalid file extension {name}")
        content = parts[0].get_payload(decode=True)
        assert isinstance(content, bytes)
        return self._import_objects(
            [json.loads(line) for line in content.decode().splitlines()], query.get("overwrite") == ["true"]
        )

    def _import_objects(self, objects: list[dict[str, Any]], overwrite: bool) -> Answer:
        keys = [(one["type"], one["id"]) for one in objects]
        if len(set(keys)) != len(keys):
            raise _BadRequest("Non-unique import objects detected")
        errors = []
        for key, one in zip(keys, objects, strict=True):
            error = self.fail_objects.get(one["id"]) or self._wrong(one, set(keys)) or self._conflict(key, overwrite)
            if error:
                errors.append({"type": key[0], "id": key[1], "meta": {"title": one["attributes"]["title"]}, "error": error})
        failed = {(error["type"], error["id"]) for error in errors}
        if not any(error["error"]["type"] in ("conflict", "missing_references") for error in errors):
            self.objects.update({key: one for key, one in zip(keys, objects, strict=True) if key not in failed})
        answer: dict[str, Any] = {"success": not errors, "successCount": len(objects) - len(errors), "warnings": []}
        return 200, {**answer, **({"errors": errors} if errors else {})}

    def _wrong(self, one: dict[str, Any], in_file: set[tuple[str, str]]) -> dict[str, Any] | None:
        _only(one, _OBJECT)
        kind = one["type"]
        known = _ATTRIBUTES.get((kind, one["typeMigrationVersion"]))
        if known is None:
            return {"type": "unsupported_type"}
        _of_types(one["attributes"], known, _REQUIRED[kind])
        there = in_file | set(self.objects) | {("index-pattern", name) for name in self.data_views}
        missing = [
            {"type": reference["type"], "id": reference["id"]}
            for reference in one["references"]
            if (reference["type"], reference["id"]) not in there
        ]
        return {"type": "missing_references", "references": missing} if missing else None

    def _conflict(self, key: tuple[str, str], overwrite: bool) -> dict[str, Any] | None:
        return {"type": "conflict"} if key in self.objects and not overwrite else None


class _BadRequest(Exception):
    pass


def _refusal(status: int, error: str, message: str) -> Answer:
    return status, {"statusCode": status, "error": error, "message": message}


def _json_body(kind: str, query: dict[str, list[str]], body: bytes) -> dict[str, Any]:
    if kind != "application/json" or query:
        raise _BadRequest(f"content type {kind}, parameters {query}")
    content = json.loads(body)
    assert isinstance(content, dict)
    return content


def _only(given: dict[str, Any], allowed: set[str], where: str = "") -> None:
    if set(given) - allowed:
        raise _BadRequest(f"[{where}]: definition for these keys is missing: {sorted(set(given) - allowed)}")


def _of_types(given: dict[str, Any], types: dict[str, type], required: set[str]) -> None:
    _only(given, set(types))
    wrong = [name for name, value in given.items() if not isinstance(value, types[name])]
    if wrong or required - set(given):
        raise _BadRequest(f"wrong type: {wrong}; missing: {sorted(required - set(given))}")


@contextmanager
def serving(kibana: Kibana, port: int = 0) -> Iterator[Kibana]:
    """Answer over HTTP on loopback; `kibana.url` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, content = kibana.answer(self.command, self.path, headers, body)
            except _BadRequest as wrong:
                status, content = _refusal(400, "Bad Request", str(wrong))
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=utf-8")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - the names that http.server looks for

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that did not wait for its answer is what some tests are about."""

    server = Server(("127.0.0.1", port), Handler)
    kibana.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield kibana
    finally:
        kibana.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
