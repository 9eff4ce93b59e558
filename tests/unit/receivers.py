"""OTLP receivers over real gRPC and HTTP that a test stops, starts again and gives answers to."""

from __future__ import annotations

import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


class Receiver:
    """An OTLP receiver that can be stopped, started again on its port, and told what to answer."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.answers: list[Any] = []
        self.port = 0
        self.start()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    @property
    def names(self) -> list[str]:
        """Of the spans that were taken, in the order of their coming."""
        return [span.name for one in self.requests for r in one.resource_spans for s in r.scope_spans for span in s.spans]


class GrpcReceiver(Receiver):
    made = GrpcSpanExporter

    def start(self) -> None:
        def export(request: ExportTraceServiceRequest, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
            answer = self.answers.pop(0) if self.answers else None
            if isinstance(answer, tuple):
                context.abort(*answer)
            self.requests.append(request)
            return answer or ExportTraceServiceResponse()

        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        handler = grpc.unary_unary_rpc_method_handler(
            export, ExportTraceServiceRequest.FromString, ExportTraceServiceResponse.SerializeToString
        )
        service = "opentelemetry.proto.collector.trace.v1.TraceService"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        assert self.port
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait(10)


class HttpReceiver(Receiver):
    made = HttpSpanExporter

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = receiver.answers.pop(0) if receiver.answers else None
                if isinstance(answer, tuple):
                    status, text = answer
                    self._reply(status, Status(code=14, message=text).SerializeToString())
                    return
                receiver.requests.append(ExportTraceServiceRequest.FromString(body))
                self._reply(200, (answer or ExportTraceServiceResponse()).SerializeToString())

            def _reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
