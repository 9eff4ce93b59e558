"""Servers on loopback that answer a canary as the service and the stores do, or late, wrong, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


class Double:
    """One server: `answer` is given the path, and gives status and body; `asked` has the paths so far."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self._frozen = threading.Event()
        self._thawed = threading.Event()
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                double.asked.append(self.path)
                if double._frozen.is_set():
                    double._thawed.wait()
                status, body = double.answer(self.path)
                text = body if isinstance(body, str) else json.dumps(body)
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, *arguments: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def freeze(self) -> None:
        """Take requests and answer none, as a process that was sent SIGSTOP does."""
        self._frozen.set()

    def close(self) -> None:
        self._thawed.set()
        self._server.shutdown()
        self._server.server_close()


class World:
    """A service that counts its canaries, and the stores of the usual backends, each of which has it `late` seconds after."""

    def __init__(self) -> None:
        self.answered: dict[str, float] = {}
        self.late = {"elasticsearch": 0.0, "jaeger": 0.0, "prometheus": 0.0}
        self.service = Double(self._serve)
        self.elasticsearch = Double(lambda _: (200, {"hits": {"hits": [{"_source": DOCUMENT}] * self._has("elasticsearch")}}))
        self.jaeger = Double(lambda _: (200, {"data": [TRACE]}) if self._has("jaeger") else (404, {}))
        self.prometheus = Double(lambda _: (200, {"data": {"result": [{"value": [0, str(self._count())]}]}}))

    def _serve(self, _: str) -> Answer:
        trace_id = f"{len(self.answered) + 1:032x}"
        self.answered[trace_id] = time.monotonic()
        return 200, {"status": "alive", "trace_id": trace_id, "instance": "a", "answered": len(self.answered)}

    def _has(self, store: str) -> bool:
        """Of the first canary, which is enough to be told late from early."""
        return time.monotonic() - min(self.answered.values()) >= self.late[store]

    def _count(self) -> int:
        now = time.monotonic()
        return sum(now - at >= self.late["prometheus"] for at in self.answered.values())

    def close(self) -> None:
        for double in (self.service, self.elasticsearch, self.jaeger, self.prometheus):
            double.close()


@contextmanager
def a_world() -> Iterator[World]:
    """The doubles, closed at the end."""
    world = World()
    try:
        yield world
    finally:
        world.close()


DOCUMENT = {"@timestamp": "2026-01-01T00:00:00Z", "trace_id": "1", "span_id": "2"}
TRACE: dict[str, Any] = {
    "processes": {"p1": {"serviceName": "vitals", "tags": []}},
    "spans": [
        {
            **{"traceID": "1", "spanID": "2", "processID": "p1", "operationName": "GET /health/canary"},
            **{"tags": [], "references": [], "startTime": 1, "duration": 1},
        }
    ],
}
