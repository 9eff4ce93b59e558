"""Setting the global providers: once a process, where nobody else has."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from vitals.telemetry.providers import Provided, Providers
from vitals.telemetry.routing.logs import RoutingLoggerProvider
from vitals.telemetry.routing.metrics import RoutingMeterProvider
from vitals.telemetry.routing.traces import RoutingTracerProvider

_routers: dict[type[Any], Any] = {}


def set_by_others() -> Provided:
    """The SDK's providers that the application, `opentelemetry-instrument` or OTEL_CONFIG_FILE has set."""
    tracers, meters, loggers = trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()
    return Provided(
        traces=tracers if isinstance(tracers, TracerProvider) and not isinstance(tracers, RoutingTracerProvider) else None,
        metrics=meters if isinstance(meters, MeterProvider) and not isinstance(meters, RoutingMeterProvider) else None,
        logs=loggers if isinstance(loggers, LoggerProvider) and not isinstance(loggers, RoutingLoggerProvider) else None,
    )


def route_to(providers: Providers) -> None:
    """Let what comes by the global providers reach these too, whose application has begun."""
    # Metrics first: the other two may measure themselves by the global meter.
    if not providers.provided.metrics:
        _route(RoutingMeterProvider, metrics.get_meter_provider, metrics.set_meter_provider, providers)
    if not providers.provided.traces:
        _route(RoutingTracerProvider, trace.get_tracer_provider, trace.set_tracer_provider, providers)
    if not providers.provided.logs:
        _route(RoutingLoggerProvider, _logs.get_logger_provider, _logs.set_logger_provider, providers)


def _route(make: type[Any], get: Callable[[], Any], set_globally: Callable[[Any], None], providers: Providers) -> None:
    if make not in _routers:
        _routers[make] = make()
    router = _routers[make]
    if get() is not router:  # not yet, or not any more: tests reset the API's globals
        # What was made at import is made in earnest now: it is no part of the application that happens to be the first.
        contextvars.Context().run(set_globally, router)
    router.adopt(providers)
