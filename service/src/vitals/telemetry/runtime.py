"""One process's telemetry: its resource, its three providers, and their end."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.propagators import (
    TraceResponsePropagator,
    get_global_response_propagator,
    set_global_response_propagator,
)
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.metrics import Meter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from vitals.otel_variables import wrong_for_start
from vitals.telemetry import defaults
from vitals.telemetry.delivery.exporters import delivering, report
from vitals.telemetry.exporters import Signal, exporter_classes
from vitals.telemetry.logs import UidProcessor, attach_otlp_handler, detach_otlp_handler

_logger = logging.getLogger(__name__)

_SCOPE = "vitals"

_PROCESS_METRICS: dict[str, list[str] | None] = {
    "process.cpu.time": ["user", "system"],
    "process.memory.usage": None,
    "process.memory.virtual": None,
    "process.open_file_descriptor.count": None,
    "process.thread.count": None,
    "process.context_switches": ["involuntary", "voluntary"],
    "cpython.gc.collections": None,
    "cpython.gc.collected_objects": None,
    "cpython.gc.uncollectable_objects": None,
}


_served: list[Telemetry] = []
"""Of the applications that this process serves now. They share what is set once a process: the providers and the log handler."""
_served_changes = threading.Lock()


class Telemetry:
    """The providers of one process. Made by `instrument()`; starts in the process that serves: each worker is its own instance.

    Providers that are already set globally (by OTEL_CONFIG_FILE, or by the application) are used as they are.
    """

    def __init__(
        self,
        *,
        service_name: str | None = None,
        resource: Mapping[str, str] | None = None,
        metric_readers: list[MetricReader] | None = None,
        shutdown_seconds: float = 10.0,
        buffer_bytes: int = defaults.BUFFER_BYTES,
    ) -> None:
        self._service_name = service_name
        self._attributes = dict(resource or {})
        self._extra_readers = list(metric_readers or [])
        self._shutdown_seconds = shutdown_seconds
        self._buffer_bytes = buffer_bytes
        self._ours: list[TracerProvider | MeterProvider | LoggerProvider] = []
        self._handler: object | None = None
        self._started = False

    @property
    def disabled(self) -> bool:
        """Whether OTEL_SDK_DISABLED asks for no telemetry at all."""
        return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"

    @property
    def tracer(self) -> trace.Tracer:
        """The tracer of this project's own spans."""
        return trace.get_tracer(_SCOPE)

    @property
    def meter(self) -> Meter:
        """The meter of this project's own metrics."""
        return metrics.get_meter(_SCOPE)

    @property
    def event_logger(self) -> _logs.Logger:
        """The logger of this project's own events; everything else goes through the `logging` module."""
        return _logs.get_logger(_SCOPE)

    def resource(self) -> Resource:
        """Who speaks: `service.*`, `host.name`; what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say wins."""
        given: dict[str, Any] = {"host.name": socket.gethostname(), **self._attributes}
        if self._service_name:
            given["service.name"] = self._service_name
        said = OTELResourceDetector().detect().attributes
        return Resource.create({**given, **said})

    def start(self) -> None:
        """Make and set the providers. A second call does nothing.

        Raises ValueError with a sentence where an `OTEL_*` variable is wrong.
        """
        if self._started:
            return
        if wrong := wrong_for_start():
            raise ValueError("\n".join(wrong))
        defaults.apply()
        if not self.disabled:
            self._start()
        self._started = True

    def _start(self) -> None:
        if os.environ.get("OTEL_CONFIG_FILE"):
            _from_config_file(os.environ["OTEL_CONFIG_FILE"])
        resource = self.resource()
        if self._extra_readers and isinstance(metrics.get_meter_provider(), MeterProvider):
            raise ValueError("pull=True needs a meter provider of ours, and another is set already: give it a Prometheus reader.")
        # Metrics first: the other two report their own queues and drops through them.
        if not isinstance(metrics.get_meter_provider(), MeterProvider):
            self._set_meter_provider(resource)
        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            self._set_tracer_provider(resource)
        if not isinstance(_logs.get_logger_provider(), LoggerProvider):
            self._set_logger_provider(resource)
        self._handler = attach_otlp_handler(_logs.get_logger_provider())
        process_metrics = SystemMetricsInstrumentor(config=_PROCESS_METRICS)
        if not process_metrics.is_instrumented_by_opentelemetry:
            process_metrics.instrument()
        if get_global_response_propagator() is None:  # type: ignore[no-untyped-call]
            set_global_response_propagator(TraceResponsePropagator())  # type: ignore[no-untyped-call]

    def _set_meter_provider(self, resource: Resource) -> None:
        readers = list(self._extra_readers)
        exporters = []
        for made in exporter_classes("metrics"):
            if issubclass(made, MetricReader):
                readers.append(made())
            else:
                exporters.append(self._delivering("metrics", made))
                readers.append(PeriodicExportingMetricReader(exporters[-1]))
        provider = MeterProvider(metric_readers=readers, resource=resource, views=defaults.VIEWS, shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
        self._ours.append(provider)
        for exporter in exporters:
            report(exporter, self.meter)

    def _set_tracer_provider(self, resource: Resource) -> None:
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        for made in exporter_classes("traces"):
            exporter = self._delivering("traces", made)
            report(exporter, self.meter)
            provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        self._ours.append(provider)

    def _set_logger_provider(self, resource: Resource) -> None:
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_log_record_processor(UidProcessor())
        for made in exporter_classes("logs"):
            exporter = self._delivering("logs", made)
            report(exporter, self.meter)
            provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        _logs.set_logger_provider(provider)
        self._ours.append(provider)

    def _delivering(self, signal: Signal, made: type[Any]) -> Any:
        return delivering(signal, made, buffer_bytes=self._buffer_bytes, shutdown_seconds=self._shutdown_seconds)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While its application is served. After it `shutdown`, unless this process serves another application still.

        That one then has what this one set for the process: the last application delivers what is buffered, and ends it.
        """
        with _served_changes:
            _served.append(self)
        try:
            yield
        finally:
            with _served_changes:
                _served.remove(self)
                last = not _served
                if not last:
                    self._hand_over(_served[-1])
            if last:
                self.shutdown()

    def _hand_over(self, heir: Telemetry) -> None:
        if heir is self:
            return
        heir._ours += self._ours
        heir._handler = heir._handler or self._handler
        self._ours, self._handler = [], None

    def shutdown(self) -> None:
        """Deliver what is buffered, side by side, for `shutdown_seconds` at most; says so where that was not enough."""
        if self._handler is not None:
            detach_otlp_handler()
            self._handler = None
        ours, self._ours = self._ours, []
        deadline = time.monotonic() + self._shutdown_seconds
        # Metrics last: their final collection then has the other two's last counts.
        groups = (
            [provider for provider in ours if not isinstance(provider, MeterProvider)],
            [provider for provider in ours if isinstance(provider, MeterProvider)],
        )
        for group in groups:
            ends = [threading.Thread(target=provider.shutdown, daemon=True) for provider in group]
            for end in ends:
                end.start()
            for end in ends:
                end.join(max(0.0, deadline - time.monotonic()))
        if time.monotonic() >= deadline:
            _logger.warning("Telemetry that was buffered could not be delivered within %.0f s.", self._shutdown_seconds)


def _from_config_file(path: str) -> None:
    try:
        from opentelemetry.configuration import configure_sdk, load_config_file  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ValueError(
            f"OTEL_CONFIG_FILE is {path!r}, which needs one more package: pip install opentelemetry-configuration."
        ) from None
    configure_sdk(load_config_file(path))
