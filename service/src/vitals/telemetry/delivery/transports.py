"""One attempt to hand an encoded OTLP request to the Collector, over gRPC or HTTP.

The SDK's exporters hold what the `OTEL_EXPORTER_OTLP_*` variables say (address, TLS, headers, compression), and are asked for
nothing else: their own sending gives up too early and does not tell why. This module alone knows their inside.
"""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from vitals.telemetry.delivery.export_result import Outcome, of_answer, of_broken_connection, of_grpc, of_http

CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
)
"""gRPC's own waits go up to two minutes, in which a Collector that is back would not be noticed."""

_METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}


class Transport(Protocol):
    """What sends one request."""

    @property
    def address(self) -> str:
        """Where to, as `host:port` or as a URL."""
        ...

    def send(self, data: bytes) -> Outcome:
        """Send one encoded request; never raises."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class GrpcTransport:
    """OTLP over gRPC."""

    def __init__(self, exporter: Any, signal: str, response: Any) -> None:
        """exporter: the SDK's, made with CHANNEL_OPTIONS; response: the message class that the service answers with."""
        self._exporter = exporter
        self._method = _METHODS[signal]
        self._response = response
        self._timeout: float = exporter._timeout
        self._call: Any = None

    @property
    def address(self) -> str:
        """As `host:port`."""
        return str(self._exporter._endpoint)

    def send(self, data: bytes) -> Outcome:
        """Send one encoded request; never raises."""
        try:
            if self._call is None:
                self._call = self._exporter._channel.unary_unary(self._method, response_deserializer=self._response.FromString)
            return of_answer(self._call(data, timeout=self._timeout, metadata=self._exporter._headers))
        except grpc.RpcError as error:
            outcome = of_grpc(error.code(), error.details() or "", _retry_delay(error))
            if outcome.verdict == "again" and outcome.after_seconds is None:
                self._reconnect()
            return outcome
        except Exception as error:
            self._reconnect()
            return Outcome("doubtful", type(error).__qualname__, str(error))

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(Exception):
            self._exporter.shutdown()

    def _reconnect(self) -> None:
        """A connection that has gone quiet looks open for ever. Where no new one can be made, the next attempt says so."""
        self._call = None
        with contextlib.suppress(Exception):
            self._exporter._channel.close()
            self._exporter._initialize_channel_and_stub()


class HttpTransport:
    """OTLP over HTTP with protobuf."""

    def __init__(self, exporter: Any, response: Any) -> None:
        """exporter: the SDK's; response: the message class that the service answers with."""
        self._exporter = exporter
        self._client = exporter._client
        self._response = response

    @property
    def address(self) -> str:
        """As a URL."""
        return str(self._client._endpoint)

    def send(self, data: bytes) -> Outcome:
        """Send one encoded request; never raises."""
        try:
            answer = self._client._submit(self._client._compress(data), self._client._timeout)
            if answer.status_code is None:
                return of_broken_connection(answer.error)
            if answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
                return self._taken(answer)
            return of_http(answer.status_code, _explained(answer.content()), answer.headers().get("retry-after"))
        except Exception as error:
            return Outcome("doubtful", type(error).__qualname__, str(error))

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(Exception):
            self._exporter.shutdown()

    def _taken(self, answer: Any) -> Outcome:
        with contextlib.suppress(Exception):  # taken is taken, whatever the body is
            return of_answer(self._response.FromString(answer.content()))
        return Outcome("taken")


def host_and_port(address: str) -> tuple[str, int | None]:
    """Of `host:port` or of a URL."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    with contextlib.suppress(ValueError):
        return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.hostname or "", None


def _explained(body: bytes) -> str:
    """A receiver's errors are a protobuf Status; a proxy's on the way are anything."""
    try:
        return str(Status.FromString(body).message)
    except Exception:
        return body[:200].decode(errors="replace")


def _retry_delay(error: grpc.RpcError) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key == "google.rpc.retryinfo-bin":
            with contextlib.suppress(Exception):
                delay = RetryInfo.FromString(value).retry_delay
                return float(delay.seconds + delay.nanos / 1e9)
    return None
