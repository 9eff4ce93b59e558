"""`instrument(app)`: one call that makes a FastAPI application observable."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.trace import TracerProvider
from opentelemetry.util.http import get_excluded_urls
from starlette.types import ASGIApp

from vitals.otel_variables import EXCLUDED_URLS
from vitals.telemetry import applications, defaults
from vitals.telemetry.requests.middleware import Propagation, RequestTelemetry
from vitals.telemetry.requests.sdk_requests import instrumented
from vitals.telemetry.runtime import Telemetry


def instrument(
    app: FastAPI,
    *,
    service_name: str | None = None,
    resource: Mapping[str, str] | None = None,
    pull: bool = False,
    shutdown_seconds: float = 10.0,
    buffer_bytes: int = defaults.BUFFER_BYTES,
    views: Sequence[View] = (),
) -> Telemetry:
    """Send the application's traces, metrics and logs over OTLP; one SERVER span a request, `traceresponse` on every answer.

    service_name: used where OTEL_SERVICE_NAME is not set; resource: further attributes, e.g. `service.version`.
    pull: also serve the metrics at `/metrics` for a Prometheus server that scrapes.
    shutdown_seconds: how long the end of the application waits for what is buffered.
    buffer_bytes: what is kept of each signal while the Collector is away; beyond it the oldest are dropped, and counted.
    views: the SDK's views of the application's own instruments, beside those that are usual here.

    Nothing runs until the application does: providers and their threads start with its first ASGI event, in the process that
    serves, so a server may fork or spawn workers after this call. Raises RuntimeError for an application that already runs.
    """
    if app.middleware_stack is not None:
        raise RuntimeError("instrument(app) must be called before the application serves its first request.")
    readers: list[Callable[[], MetricReader]] = []
    if pull:
        from vitals.telemetry.pull import add_pull_endpoint  # prometheus_client, with an HTTP server of its own

        readers.append(add_pull_endpoint(app))
    telemetry = Telemetry(
        service_name=service_name,
        resource=resource,
        metric_readers=readers,
        shutdown_seconds=shutdown_seconds,
        buffer_bytes=buffer_bytes,
        views=views,
    )
    _start_with_first_event(app, telemetry)
    _end_with_lifespan(app, telemetry)
    return telemetry


_NATIVE_OFF: Any = {"tracing": False, "metrics": False, "logs": False}


def _start_with_first_event(app: FastAPI, telemetry: Telemetry) -> None:
    build = app.build_middleware_stack

    def build_watched() -> ASGIApp:
        telemetry.start()
        app.build_middleware_stack = build  # type: ignore[method-assign]
        if telemetry.disabled:
            return Propagation(app.build_middleware_stack())

        def tracers() -> TracerProvider:
            return (applications.current.get() or telemetry).tracer_provider or trace.get_tracer_provider()

        def meters() -> MeterProvider:
            return telemetry.meter_provider or metrics.get_meter_provider()

        plain, by_sdk = instrumented(app, tracers, meters)
        excluded = get_excluded_urls("FASTAPI").url_disabled if any(map(os.environ.get, EXCLUDED_URLS)) else None
        return RequestTelemetry(plain, by_sdk, telemetry, excluded=excluded)

    app.build_middleware_stack = build_watched  # type: ignore[method-assign]
    # FastAPI's own telemetry begins as soon as there is a global provider, and looks for one at each request.
    app._telemetry.update(_NATIVE_OFF)


def _end_with_lifespan(app: FastAPI, telemetry: Telemetry) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def outer(of: Any) -> AsyncIterator[Any]:
        with telemetry.serving():
            async with inner(of) as state:
                yield state

    app.router.lifespan_context = outer
