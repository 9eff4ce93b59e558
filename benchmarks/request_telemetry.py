"""What the fast path costs a request: on the event loop, and in the thread that encodes.

    python benchmarks/request_telemetry.py [--json] [--runs 15]

Each figure is the median of several runs, taken in turn with the yardstick below them, one `add` of a counter of the SDK: the
speed of a shared machine changes from second to second, and both change with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.instrumentation.propagators import TraceResponsePropagator, set_global_response_propagator
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import DEFAULT_ON

from vitals.telemetry import defaults
from vitals.telemetry.fast_path.encoder import Encoder, Ended
from vitals.telemetry.fast_path.fast_path import OUR_SCOPE, REQUEST_SCOPE, FastPath
from vitals.telemetry.fast_path.linked_span import LinkedSpan
from vitals.telemetry.fast_path.measures import Measures
from vitals.telemetry.requests.middleware import RequestTelemetry

BUDGET_ADDS = {"on_the_event_loop": 8.0, "encoding": 2.5, "measuring": 2.0}
"""In adds of the SDK's counter in the same run. Seen: 3.6 to 4.1, 0.9 and 0.65."""

_CALLS, _TOGETHER = 1000, 64


class _Application:
    """Answers at once."""

    path = "/items/{item}"
    """It is its own route."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI's interface
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})


class Unsent:
    """As much of an application's telemetry as the middleware asks for: a fast path that sends nothing."""

    disabled, started, lifespans = False, True, 1
    providers = None

    def __init__(self) -> None:
        defaults.apply()
        self.resource = Resource.create({"service.name": "benchmark"})
        self.fast_path = FastPath(
            self.resource, sampler=DEFAULT_ON, meter_provider=NoOpMeterProvider(), traces=None, logs=None, export_by_sdk=len
        )


async def _nothing(*_: Any) -> Any:
    return None


def measure(*, runs: int = 15) -> dict[str, float]:
    """Microseconds of processor time a request, by part, and of one add of the SDK."""
    set_global_response_propagator(TraceResponsePropagator())  # type: ignore[no-untyped-call]
    telemetry = Unsent()
    ended: list[Ended | LinkedSpan] = []
    telemetry.fast_path.put = ended.append
    application = _Application()
    watched = RequestTelemetry(application, application, telemetry, excluded=None)  # type: ignore[arg-type]
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/items/1", "root_path": "",
        "query_string": b"", "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8000), "route": application,
        "headers": [(b"host", b"localhost"), (b"user-agent", b"benchmark"), (b"content-length", b"0")],
    }  # fmt: skip
    watched.routes._by_route[id(application)] = (application, application.path)
    counter = MeterProvider(shutdown_on_exit=False).get_meter("yardstick").create_counter("adds")
    encoder = Encoder(telemetry.resource, REQUEST_SCOPE, OUR_SCOPE)
    measures = Measures(AggregationTemporality.CUMULATIVE, exemplars="trace_based")

    def run(coroutine: Any) -> None:
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("it waited for something")

    def answered() -> None:
        run(application(dict(scope), _nothing, _nothing))

    def watched_answer() -> None:
        run(watched(dict(scope), _nothing, _nothing))

    run(watched(dict(scope), _nothing, _nothing))
    [one] = ended
    assert isinstance(one, Ended)
    together: list[Ended | LinkedSpan] = [one] * _TOGETHER

    def encode() -> None:
        made = encoder.encode(together)
        encoder.spans(made.request_spans, made.linked_spans)

    parts: dict[str, tuple[Callable[[], Any], int]] = {
        "bare": (answered, 1),
        "watched": (watched_answer, 1),
        "encoding": (encode, _TOGETHER),
        "measuring": (lambda: measures.take(together), _TOGETHER),
        "one_add_of_the_sdk": (lambda: counter.add(1, {"http.request.method": "GET"}), 1),
    }
    took: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(runs):
        for name, (call, items) in parts.items():
            took[name].append(_once(call, _CALLS // items) / items)
            ended.clear()
    figures = {name: statistics.median(times) for name, times in took.items()}
    return {"on_the_event_loop": figures.pop("watched") - figures.pop("bare"), **figures}


def _once(call: Callable[[], Any], calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        call()
    return (time.thread_time() - start) / calls * 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=Path(__file__).name)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--runs", type=int, default=15, help="each figure is the median of so many")
    given = parser.parse_args()
    figures = measure(runs=given.runs)
    if given.json:
        print(json.dumps({"unit": "µs a request", **figures}, ensure_ascii=False))
        return
    for name, figure in figures.items():
        print(f"{name.replace('_', ' '):24} {figure:8.2f} µs")


if __name__ == "__main__":
    asyncio.set_event_loop(None)
    main()
