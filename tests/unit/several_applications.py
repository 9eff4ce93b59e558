"""The application of test_several_applications.py: all that it uses of OpenTelemetry was got at import, before any start.

Run in programs of their own, since OpenTelemetry lets the global providers be set once a process.
"""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI
from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import CallbackOptions, Observation

from vitals.telemetry import instrument

tracer = trace.get_tracer("shop")
meter = metrics.get_meter("shop")
events = _logs.get_logger("shop")

calls = meter.create_counter("calls")
stock = meter.create_up_down_counter("stock")
seconds = meter.create_histogram("seconds")
level = meter.create_gauge("level")


def _depth(_: CallbackOptions) -> list[Observation]:
    return [Observation(7)]


meter.create_observable_gauge("depth", [_depth])
meter.create_observable_counter("turns", [_depth])
meter.create_observable_up_down_counter("waiting", [_depth])


def application(name: str, **options: Any) -> FastAPI:
    app = FastAPI()
    app.state.telemetry = instrument(app, service_name=name, **options)

    @app.get("/x")
    def answer() -> None:
        with tracer.start_as_current_span("work"):
            decorated()
            calls.add(1)
            stock.add(2)
            stock.add(-1)
            seconds.record(0.5)
            level.set(3)
            logging.getLogger("shop").warning("in %s", name)
            events.emit(LogRecord(body="event", severity_number=SeverityNumber.INFO, event_name="shop.event"))

    return app


@tracer.start_as_current_span("decorated")
def decorated() -> None:
    """A span that a decorator makes, which was made at import."""
