"""One application's telemetry: its resource, and its providers each time that it is served."""

from __future__ import annotations

import atexit
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.propagators import (
    TraceResponsePropagator,
    get_global_response_propagator,
    set_global_response_propagator,
)
from opentelemetry.metrics import Meter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider

from vitals.otel_variables import sdk_disabled, wrong_for_start
from vitals.telemetry import applications, defaults, instance_id
from vitals.telemetry.delivery.delivery import Delivery
from vitals.telemetry.exporters import Signal
from vitals.telemetry.fast_path.fast_path import FastPath
from vitals.telemetry.logs.logging_signal import attach_otlp_handler, detach_otlp_handler
from vitals.telemetry.providers import SCOPE, Providers, side_by_side
from vitals.telemetry.routing.global_providers import route_to, set_by_others

_configured_from: set[str] = set()


class Telemetry:
    """The providers of one application. Made by `instrument()`; starts in the process that serves, so each worker
    is an instance of its own.

    Each start makes new providers, with the application's own resource; the end delivers what they hold. Others that this process
    serves, before, after or beside it, have their own. Providers that somebody else has set globally are used as they are.
    """

    def __init__(
        self,
        *,
        service_name: str | None = None,
        resource: Mapping[str, str] | None = None,
        metric_readers: Sequence[Callable[[], MetricReader]] = (),
        shutdown_seconds: float = 10.0,
        buffer_bytes: int = defaults.BUFFER_BYTES,
        views: Sequence[View] = (),
    ) -> None:
        """metric_readers: each makes a further reader, at each start. views: beside `defaults.VIEWS`."""
        self._service_name = service_name
        self._attributes = dict(resource or {})
        self._readers = list(metric_readers)
        self._shutdown_seconds = shutdown_seconds
        self._buffer_bytes = buffer_bytes
        self._views = views
        self.lifespans = 0
        """How many of its application's run now; without one, what is buffered is lost where a signal ends the process."""
        self.started = False
        """Whether it has begun and not ended."""
        self.providers: Providers | None = None
        """Of the last start; None before the first and with OTEL_SDK_DISABLED. After the end they drop what they are given."""

    @property
    def disabled(self) -> bool:
        """Whether OTEL_SDK_DISABLED asks for no telemetry at all."""
        return sdk_disabled()

    @property
    def tracer_provider(self) -> TracerProvider | None:
        """The SDK's, of this application; None before the first start, and with OTEL_SDK_DISABLED."""
        return self.providers.tracer_provider if self.providers else None

    @property
    def meter_provider(self) -> MeterProvider | None:
        """The SDK's, of this application; None as above."""
        return self.providers.meter_provider if self.providers else None

    @property
    def logger_provider(self) -> LoggerProvider | None:
        """The SDK's, of this application; None as above."""
        return self.providers.logger_provider if self.providers else None

    @property
    def tracer(self) -> trace.Tracer:
        """The tracer of this project's own spans."""
        return self.providers.tracer if self.providers else trace.get_tracer(SCOPE)

    @property
    def meter(self) -> Meter:
        """The meter of this project's own metrics."""
        return self.providers.meter if self.providers else metrics.get_meter(SCOPE)

    @property
    def event_logger(self) -> _logs.Logger:
        """The logger of this project's own events; everything else goes through the `logging` module."""
        return self.providers.event_logger if self.providers else _logs.get_logger(SCOPE)

    @property
    def deliveries(self) -> dict[Signal, Delivery]:
        """What carries each signal that leaves by one OTLP exporter; no entry for one that leaves otherwise, twice, or not."""
        return self.providers.deliveries if self.providers else {}

    @property
    def provided(self) -> bool:
        """Whether somebody else had set an SDK provider globally, which is used as it is."""
        return self.providers is not None and bool(self.providers.provided)

    @property
    def extended(self) -> bool:
        """Whether somebody added a processor of spans or log records, to the global providers or to this application's."""
        return self.providers is not None and self.providers.extended

    @property
    def fast_path(self) -> FastPath | None:
        """What takes requests; None where the SDK makes their spans, since the application or the operator needs that."""
        providers = self.providers
        return None if providers is None or providers.extended else providers.fast_path

    def resource(self) -> Resource:
        """Who speaks: `service.*`, `host.name`; what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say wins."""
        given: dict[str, Any] = {"host.name": socket.gethostname(), **self._attributes}
        if self._service_name:
            given["service.name"] = self._service_name
        given.update(OTELResourceDetector().detect().attributes)
        if instance := given.get(SERVICE_INSTANCE_ID):
            given[SERVICE_INSTANCE_ID] = instance_id.of_this_process(str(instance))
        return Resource.create(given)

    def start(self) -> None:
        """Make the providers, and let what comes by the global ones reach them. Does nothing between a start and its end.

        What is buffered is delivered by `shutdown`, and else when the interpreter ends.
        Raises ValueError with a sentence where an `OTEL_*` variable is wrong.
        """
        with applications.changing:
            if self.started:
                return
            if wrong := wrong_for_start():
                raise ValueError("\n".join(wrong))
            defaults.apply()
            if not self.disabled:
                self._start()
            self.started = True

    def _start(self) -> None:
        if path := os.environ.get("OTEL_CONFIG_FILE"):
            _from_config_file(path)
        provided = set_by_others()
        if self._readers and provided.metrics:
            raise ValueError("pull=True needs a meter provider of ours, and another is set already: give it a Prometheus reader.")
        taken = {instance_id.identity(one.resource) for one in applications.present()}
        self.providers = Providers(
            instance_id.distinct(self.resource(), taken=taken),
            provided=provided,
            readers=self._readers,
            buffer_bytes=self._buffer_bytes,
            views=self._views,
            shutdown_seconds=self._shutdown_seconds,
        )
        applications.began(self, self.providers)
        route_to(self.providers)
        attach_otlp_handler(_logs.get_logger_provider())
        if get_global_response_propagator() is None:  # type: ignore[no-untyped-call]
            set_global_response_propagator(TraceResponsePropagator())  # type: ignore[no-untyped-call]

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While its application is served, which starts it where it has not started, or has ended. After it, `shutdown`.

        What runs within, as the application's lifespan, is part of that application.
        """
        self.start()
        with applications.changing:
            self.lifespans += 1
        token = applications.enter(self)
        try:
            yield
        finally:
            applications.leave(token)
            with applications.changing:
                self.lifespans -= 1
                last = not self.lifespans
            if last:
                self.shutdown()

    def shutdown(self) -> None:
        """Deliver what is buffered, side by side, for `shutdown_seconds` at most; says so where that was not enough.

        Where nobody ever took anything at the address, and nobody is there, that is said after a moment.
        """
        with applications.changing:
            if not self.started:
                return
            self.started = False
            if (providers := self.providers) is None or self not in applications.running():
                return
            applications.ends(self)
            if not applications.running():
                detach_otlp_handler()
        try:
            providers.shutdown()
        finally:
            applications.ended(providers)


@atexit.register
def _end_all() -> None:
    """For applications whose lifespan never ran, or never ended."""
    running = applications.running()
    seconds = max((telemetry._shutdown_seconds for telemetry in running), default=0.0)
    side_by_side([telemetry.shutdown for telemetry in running], time.monotonic() + seconds)


def _from_config_file(path: str) -> None:
    """Once a process, as the providers that it sets."""
    if path in _configured_from:
        return
    try:
        from opentelemetry.configuration import configure_sdk, load_config_file  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ValueError(
            f"OTEL_CONFIG_FILE is {path!r}, which needs one more package: pip install opentelemetry-configuration."
        ) from None
    configure_sdk(load_config_file(path))
    _configured_from.add(path)
