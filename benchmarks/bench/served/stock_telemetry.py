"""OpenTelemetry's SDK as its documentation sets it up: batches, periodic metrics, OTLP, `OTEL_*` for the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def start(logger: logging.Logger) -> Callable[[], None]:
    """Set the global providers, send what `logger` logs, and return what flushes and ends them all."""
    traces = TracerProvider()
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
    trace.set_tracer_provider(traces)
    counted = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(insecure=True))])
    metrics.set_meter_provider(counted)
    logs = LoggerProvider()
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(insecure=True)))
    set_logger_provider(logs)
    logger.addHandler(LoggingHandler(logger_provider=logs))
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def stop() -> None:
        for provider in (traces, counted, logs):
            provider.shutdown()

    return stop
