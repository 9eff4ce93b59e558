"""Stands between a Collector and the real Elasticsearch, and answers bulk requests as an Elasticsearch in trouble does."""

from __future__ import annotations

import collections
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

import httpx2 as httpx

Mode = Literal["pass", "429", "503", "half"]
BULK_REFUSAL = {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating operation"}


class Answering:
    """An Elasticsearch whose `mode` a test sets while it runs.

    `half` passes every second document on, and refuses the others with 429.
    `refused` counts by mode: requests, or documents of `half`.
    """

    def __init__(self, elasticsearch: str) -> None:
        self.mode: Mode = "pass"
        self.refused: collections.Counter[Mode] = collections.Counter()
        self._behind = httpx.Client(base_url=elasticsearch, timeout=60)
        answering = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                answering._answer(self)

            do_GET = do_POST  # noqa: N815  (the standard library's name)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the standard library's name)
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._behind.close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = _body(request)
        mode = self.mode if "/_bulk" in request.path else "pass"
        if mode in ("429", "503"):
            self.refused[mode] += 1
            _send(request, int(mode), json.dumps({"error": BULK_REFUSAL, "status": int(mode)}).encode())
        elif mode == "half":
            self._half(request, body)
        else:
            _send(request, *self._pass(request, body))

    def _half(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        lines = body.splitlines(keepends=True)
        documents = [lines[number : number + 2] for number in range(0, len(lines), 2)]
        refused = documents[1::2]
        status, content = self._pass(request, b"".join(line for one in documents[::2] for line in one))
        if status == 200:
            taken = json.loads(content)["items"]
            items: list[Any] = [None] * len(documents)
            items[::2] = taken
            items[1::2] = [{"create": {"_index": "refused", "status": 429, "error": BULK_REFUSAL}}] * len(refused)
            content = json.dumps({"errors": True, "items": items}).encode()
            self.refused["half"] += len(refused)
        _send(request, status, content)

    def _pass(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        kept = {name: value for name, value in request.headers.items() if name.lower() in ("authorization", "content-type")}
        answer = self._behind.request(request.command, request.path, content=body, headers=kept)
        return answer.status_code, answer.content


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """What was sent, whole and not compressed."""
    if request.headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(request.rfile.readline().strip(), 16):
            body += request.rfile.read(size)
            request.rfile.readline()
        request.rfile.readline()
    else:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
    return gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body


def _send(request: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
    request.send_response(status)
    for name, value in (
        ("content-type", "application/json"),
        ("content-length", str(len(content))),
        ("x-elastic-product", "Elasticsearch"),
    ):
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)
