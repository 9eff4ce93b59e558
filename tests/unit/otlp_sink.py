"""An OTLP receiver over real HTTP that keeps what it takes, decoded and told apart by `service.name`."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

_SERVICES: dict[str, tuple[Any, Any]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
}


@dataclass(frozen=True)
class Taken:
    """A span, a log record or a data point, as the protocol has it, with what it belongs to. metric: a point's."""

    resource: Mapping[str, Any]
    scope: str
    item: Any
    metric: str = ""

    @property
    def attributes(self) -> dict[str, Any]:
        return attributes_of(self.item.attributes)

    @property
    def value(self) -> float:
        """Of a point: the number, or how many values a histogram has."""
        if hasattr(self.item, "count"):
            return float(self.item.count)
        return float(self.item.as_int if self.item.WhichOneof("value") == "as_int" else self.item.as_double)


class Sink:
    """What was taken, in the order of its coming."""

    def __init__(self) -> None:
        self.spans: list[Taken] = []
        self.logs: list[Taken] = []
        self.points: list[Taken] = []
        self.metrics: list[Any] = []
        """The definitions of the points' metrics, with their points."""
        self.port = 0
        self._lock = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """What lets a program export to this sink."""
        return {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "NO_PROXY": "127.0.0.1",
        }

    def of(self, service: str, items: list[Taken]) -> list[Taken]:
        """Those of a service."""
        return [one for one in items if one.resource.get("service.name") == service]

    def span_names(self, service: str) -> list[str]:
        """Of its spans, sorted."""
        return sorted(one.item.name for one in self.of(service, self.spans))

    def log_bodies(self, service: str) -> list[str]:
        """Of its log records, sorted."""
        return sorted(one.item.body.string_value for one in self.of(service, self.logs))

    def instances(self, service: str) -> set[str]:
        """The `service.instance.id` of all that the service sent."""
        everything = [*self.spans, *self.logs, *self.points]
        return {one.resource["service.instance.id"] for one in self.of(service, everything)}

    def last(self, service: str, metric: str) -> list[Taken]:
        """The last point of each of a metric's series."""
        series: dict[Any, Taken] = {}
        for one in self.of(service, self.points):
            if one.metric == metric:
                series[one.resource["service.instance.id"], one.scope, tuple(sorted(one.attributes.items()))] = one
        return list(series.values())

    def total(self, service: str, metric: str) -> float:
        """The sum of those: what a cumulative counter came to, over all instances."""
        return sum(one.value for one in self.last(service, metric))

    def take(self, path: str, body: bytes) -> bytes:
        """Decode a request, keep what is in it, and give the answer."""
        request_class, response_class = _SERVICES[path]
        request = request_class.FromString(body)
        with self._lock:
            if path == "/v1/traces":
                self.spans += [Taken(r, s.scope.name, one) for r, s in _scopes(request, "spans") for one in s.spans]
            elif path == "/v1/logs":
                self.logs += [Taken(r, s.scope.name, one) for r, s in _scopes(request, "logs") for one in s.log_records]
            else:
                self.metrics += [metric for _, s in _scopes(request, "metrics") for metric in s.metrics]
                self.points += [
                    Taken(r, s.scope.name, point, metric.name)
                    for r, s in _scopes(request, "metrics")
                    for metric in s.metrics
                    for point in getattr(metric, metric.WhichOneof("data")).data_points
                ]
        answer: bytes = response_class().SerializeToString()
        return answer


def attributes_of(pairs: Any) -> dict[str, Any]:
    """Attributes as a dictionary; of the protocol's values only the plain ones."""
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}


def _scopes(request: Any, kind: str) -> Iterator[tuple[dict[str, Any], Any]]:
    for resource in getattr(request, f"resource_{kind}"):
        said = attributes_of(resource.resource.attributes)
        for scope in getattr(resource, f"scope_{kind}"):
            yield said, scope


@contextmanager
def otlp_sink() -> Iterator[Sink]:
    """A sink that listens on loopback."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            answer = sink.take(self.path, body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        sink.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield sink
        server.shutdown()


def run_program(program: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a process of its own, which must end well; without any `OTEL_*` variable but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**kept, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done
