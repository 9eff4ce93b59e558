"""The SDK's exporter interfaces in front of a delivery, one a signal; and the choice of which exporters get one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.metrics import Meter, NoOpMeterProvider
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from vitals.telemetry.delivery.delivery import Delivery
from vitals.telemetry.delivery.proxies import grpc_options, http_options, past_proxies
from vitals.telemetry.delivery.splitting import halves, list_halves, points
from vitals.telemetry.delivery.transports import GrpcTransport, HttpTransport, Transport
from vitals.telemetry.exporters import Signal

LARGEST_REQUEST_BYTES = 4 * 1024**2
"""A larger batch is sent in parts: the Collector takes 8 MiB, and one huge record must not cost the others of its batch."""

_RESPONSES = {"traces": ExportTraceServiceResponse, "logs": ExportLogsServiceResponse, "metrics": ExportMetricsServiceResponse}
_COMPONENTS = {"traces": "span", "logs": "log", "metrics": "metric"}


class _Delivering:
    """What the three have in common: a delivery, and waiting for it."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Whether everything was sent in that time."""
        return self.delivery.flush(timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:  # noqa: ARG002  (the interface's)
        """Send what is left."""
        self.delivery.shutdown()


class DeliveringSpanExporter(_Delivering, SpanExporter):
    """Encodes spans and leaves them to their delivery."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep them to be sent; what happens then is counted by the delivery."""
        _encode(self.delivery, list(spans), encode_spans, len, list_halves)
        return SpanExportResult.SUCCESS


class DeliveringLogExporter(_Delivering, LogRecordExporter):
    """Encodes log records and leaves them to their delivery."""

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Keep them to be sent; what happens then is counted by the delivery."""
        _encode(self.delivery, list(batch), encode_logs, len, list_halves)
        return LogRecordExportResult.SUCCESS


class DeliveringMetricExporter(_Delivering, MetricExporter):
    """Encodes each collection and leaves it to its delivery: what was collected while the Collector was away arrives later,
    exemplars too.
    """

    def __init__(self, delivery: Delivery, preferences: MetricExporter) -> None:
        """preferences: the exporter that knows which temporality and aggregation the environment asks for."""
        _Delivering.__init__(self, delivery)
        MetricExporter.__init__(self, preferences._preferred_temporality, preferences._preferred_aggregation)

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002  (the interface's)
        **_: Any,
    ) -> MetricExportResult:
        """Keep it to be sent; what happens then is counted by the delivery."""
        _encode(self.delivery, metrics_data, encode_metrics, points, halves)
        return MetricExportResult.SUCCESS


def delivering(signal: Signal, made: type[Any], *, buffer_bytes: int, shutdown_seconds: float) -> Any:
    """An exporter of that class; where it is one of the SDK's for OTLP, with a delivery in place of its own sending."""
    module = made.__module__
    over_grpc = module.startswith("opentelemetry.exporter.otlp.proto.grpc.")
    if not over_grpc and not module.startswith("opentelemetry.exporter.otlp.proto.http."):
        return made()

    def configured() -> Any:
        # Its own metrics would say that all is well: they stay off.
        without_metrics = {"meter_provider": NoOpMeterProvider()}
        past = past_proxies(signal)
        return made(**(grpc_options(past=past) if over_grpc else http_options(signal, past=past)), **without_metrics)

    def connect() -> Transport:
        response = _RESPONSES[signal]
        return GrpcTransport(configured(), signal, response) if over_grpc else HttpTransport(configured(), response)

    delivery = Delivery(
        signal,
        component_type=f"otlp_{'grpc' if over_grpc else 'http'}_{_COMPONENTS[signal]}_exporter",
        connect=connect,
        buffer_bytes=buffer_bytes,
        shutdown_seconds=shutdown_seconds,
    )
    if signal == "traces":
        return DeliveringSpanExporter(delivery)
    if signal == "logs":
        return DeliveringLogExporter(delivery)
    preferences = configured()
    preferences.shutdown()  # nothing is sent by this one: what it opened goes at once
    return DeliveringMetricExporter(delivery, preferences)


def report(exporter: Any, meter: Meter) -> None:
    """Let a delivery export what it counts; any other exporter counts for itself, or does not."""
    delivery = getattr(exporter, "delivery", None)
    if isinstance(delivery, Delivery):
        delivery.report(meter)


def _encode(
    delivery: Delivery,
    batch: Any,
    encode: Callable[[Any], Any],
    count: Callable[[Any], int],
    split: Callable[[Any], tuple[Any, Any] | None],
) -> None:
    """Put a batch into the delivery's buffer, in parts where it is too large; what can't be encoded is counted."""
    try:
        data = encode(batch).SerializeToString()
    except Exception as wrong:
        data, reason = b"", type(wrong).__qualname__
    if data and len(data) <= LARGEST_REQUEST_BYTES:
        delivery.put(data, count(batch))
    elif parts := split(batch):
        for part in parts:
            _encode(delivery, part, encode, count, split)
    elif data:
        delivery.put(data, count(batch))  # the Collector decides
    elif count(batch):
        delivery.lost(count(batch), reason)
