"""One application's three providers, from its beginning to its end, and how they end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import Logger
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from vitals.telemetry import defaults
from vitals.telemetry.delivery.delivery import Delivery
from vitals.telemetry.delivery.exporters import delivering, report
from vitals.telemetry.exporters import Signal, exporter_classes
from vitals.telemetry.fast_path import needs_sdk
from vitals.telemetry.fast_path.fast_path import FastPath
from vitals.telemetry.logs.logging_signal import UidProcessor
from vitals.telemetry.process_metrics import report_process, report_process_once

_logger = logging.getLogger(__name__)

SCOPE = "vitals"


@dataclass(frozen=True)
class Provided:
    """The SDK's global providers that somebody else has set: they are used as they are, and not ended."""

    traces: TracerProvider | None = None
    metrics: MeterProvider | None = None
    logs: LoggerProvider | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(one is not None for one in (self.traces, self.metrics, self.logs))


class _OwnTracerProvider(TracerProvider):
    extends: Callable[[], None] = staticmethod(lambda: None)
    """Called when a processor is added, once the provider has its own."""

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        super().add_span_processor(span_processor)
        self.extends()


class _OwnLoggerProvider(LoggerProvider):
    extends: Callable[[], None] = staticmethod(lambda: None)

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        super().add_log_record_processor(log_record_processor)
        self.extends()


class Providers:
    """The SDK's providers with one application's resource; `deliveries` are those behind the OTLP exporters, one a signal."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider

    def __init__(
        self,
        resource: Resource,
        *,
        provided: Provided,
        readers: Sequence[Callable[[], MetricReader]],
        buffer_bytes: int,
        views: Sequence[View],
        shutdown_seconds: float,
    ) -> None:
        """Raises ValueError with a sentence where an `OTEL_*` variable is wrong; nothing has begun then."""
        made_for: dict[Signal, list[type[Any]]] = {
            "metrics": [] if provided.metrics else exporter_classes("metrics"),
            "traces": [] if provided.traces else exporter_classes("traces"),
            "logs": [] if provided.logs else exporter_classes("logs"),
        }
        self.resource = resource
        self.provided = provided
        self.ended = False
        self.extended = False
        """Whether somebody added a span processor or a log record processor to ours."""
        self.tracers: dict[Any, trace.Tracer] = {}
        self.instruments: dict[Any, Any] = {}
        self.loggers: dict[Any, Logger] = {}
        """What the routers of the global providers have made here."""
        self._deliveries: dict[Signal, list[Delivery | None]] = {"metrics": [], "traces": [], "logs": []}
        self._seconds = shutdown_seconds
        self._buffer_bytes = buffer_bytes
        self._views = (*defaults.VIEWS, *views)
        self._metric_readers: list[MetricReader] = []
        self._span_exporter: SpanExporter | None = None
        self.fast_path: FastPath | None = None
        self._own: list[TracerProvider | MeterProvider | LoggerProvider] = []
        try:
            # Metrics first: the other two report their own queues and drops through them.
            self.meter_provider = provided.metrics or self._meters(made_for["metrics"], [make() for make in readers])
            self.meter = self.meter_provider.get_meter(SCOPE)
            self._report()
            self.tracer_provider = provided.traces or self._tracers(made_for["traces"])
            self.logger_provider = provided.logs or self._loggers(made_for["logs"])
            self.fast_path = self._fast_path()
        except BaseException:
            self._end()
            raise
        self.tracer: trace.Tracer = self.tracer_provider.get_tracer(SCOPE)
        self.event_logger: Logger = self.logger_provider.get_logger(SCOPE)

    @property
    def deliveries(self) -> dict[Signal, Delivery]:
        """Of each signal that leaves by exactly one OTLP exporter."""
        alone = {signal: found[0] for signal, found in self._deliveries.items() if len(found) == 1}
        return {signal: delivery for signal, delivery in alone.items() if delivery is not None}

    def _meters(self, classes: list[type[Any]], readers: list[MetricReader]) -> MeterProvider:
        for made in classes:
            if issubclass(made, MetricReader):
                readers.append(made())
            else:
                readers.append(PeriodicExportingMetricReader(self._exporter("metrics", made)))
        self._metric_readers = readers
        provider = MeterProvider(metric_readers=readers, resource=self.resource, views=self._views, shutdown_on_exit=False)
        self._own.append(provider)
        return provider

    def _report(self) -> None:
        """The process, and what the metrics' own delivery counts."""
        if self.provided.metrics:
            report_process_once()
        else:
            report_process(self.meter_provider)
        for delivery in self._deliveries["metrics"]:
            if delivery is not None:
                delivery.report(self.meter)

    def _tracers(self, classes: list[type[Any]]) -> TracerProvider:
        provider = _OwnTracerProvider(resource=self.resource, shutdown_on_exit=False, meter_provider=self.meter_provider)
        self._own.append(provider)
        for made in classes:
            exporter = self._span_exporter = self._exporter("traces", made)
            report(exporter, self.meter)
            provider.add_span_processor(BatchSpanProcessor(exporter, meter_provider=self.meter_provider))
        provider.extends = self._extend
        return provider

    def _loggers(self, classes: list[type[Any]]) -> LoggerProvider:
        provider = _OwnLoggerProvider(resource=self.resource, shutdown_on_exit=False, meter_provider=self.meter_provider)
        self._own.append(provider)
        provider.add_log_record_processor(UidProcessor())
        for made in classes:
            exporter = self._exporter("logs", made)
            report(exporter, self.meter)
            provider.add_log_record_processor(BatchLogRecordProcessor(exporter, meter_provider=self.meter_provider))
        provider.extends = self._extend
        return provider

    def _extend(self) -> None:
        self.extended = True

    def _fast_path(self) -> FastPath | None:
        """What makes spans of requests; None where the SDK has to."""
        if why := needs_sdk.reason(provided=bool(self.provided)):
            _logger.info("The SDK makes the spans of requests: %s.", why)
            return None
        made = FastPath(
            self.resource,
            sampler=self.tracer_provider.sampler,
            meter_provider=self.meter_provider,
            traces=self.deliveries.get("traces"),
            logs=self.deliveries.get("logs"),
            export_by_sdk=self._span_exporter.export if self._span_exporter is not None else len,
        )
        made.feed(self._metric_readers)
        return made

    def _exporter(self, signal: Signal, made: type[Any]) -> Any:
        exporter = delivering(signal, made, buffer_bytes=self._buffer_bytes, shutdown_seconds=self._seconds)
        delivery = getattr(exporter, "delivery", None)
        if isinstance(delivery, Delivery):
            delivery.says_unsent = False  # all of them are said in one line
        self._deliveries[signal].append(delivery if isinstance(delivery, Delivery) else None)
        return exporter

    def shutdown(self) -> None:
        """Deliver what is buffered, side by side, for `shutdown_seconds` at most; says so where that was not enough."""
        begun = time.monotonic()
        self._end()
        if unsent := [one for found in self._deliveries.values() for one in found if one is not None and one.unsent]:
            _logger.warning(
                "Nobody took telemetry at %s: %s are dropped.",
                " or ".join(dict.fromkeys(one.address for one in unsent)),
                ", ".join(f"{one.unsent} {one.signal}" for one in unsent),
            )
        if time.monotonic() - begun >= self._seconds:
            _logger.warning("Telemetry that was buffered could not be delivered within %.0f s.", self._seconds)

    def _end(self) -> None:
        deadline = time.monotonic() + self._seconds
        self.ended = True
        if self.fast_path is not None:
            self.fast_path.close()
        # Metrics last: their final collection then has the other two's last counts.
        groups = (
            [provider for provider in self._own if not isinstance(provider, MeterProvider)],
            [provider for provider in self._own if isinstance(provider, MeterProvider)],
        )
        for group in groups:
            side_by_side([provider.shutdown for provider in group], deadline)


def side_by_side(calls: Sequence[Callable[[], None]], deadline: float) -> None:
    """Call them at once, each in a thread, and wait until that time of the monotonic clock at most."""
    threads = []
    for call in calls:
        thread = threading.Thread(target=_quietly, args=(call,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # too late for a thread: the interpreter ends
            _quietly(call)
        else:
            threads.append(thread)
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _quietly(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:
        _logger.warning("Telemetry did not end well.", exc_info=True)
