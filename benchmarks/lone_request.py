"""What one lone `POST /predict` costs inside the process: routing, JSON, monitoring, the batcher and the model; no HTTP server.

    python benchmarks/lone_request.py [--json] [--model DIR] [--requests 200] [--runs 50] [--profile]

Telemetry is off (OTEL_SDK_DISABLED=true). The figure is processor time of the whole process, so what another thread does counts
too. Each run asks one request after the other; the lowest run is the one that other processes disturbed least. Beside it is a
yardstick, taken in turn with the runs: one `add` of a counter of the SDK. The speed of a shared machine changes from second to
second, and both change with it.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import statistics
import sys
import tempfile
import time
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI

BUDGET_MICROSECONDS = 250.0
"""For the iris pipeline on the machine that docs/served-model.md names."""

_ADDS = 1000


async def ask(app: FastAPI, path: str, body: bytes) -> tuple[int, bytes]:
    """One request as a server hands it over: its status and its body."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST" if body else "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    status, answered = 0, b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            answered += message.get("body", b"")

    await app(scope, receive, send)
    return status, answered


@asynccontextmanager
async def ready(app: FastAPI) -> AsyncIterator[None]:
    """The application's lifespan, once the model is loaded."""
    async with app.router.lifespan_context(app):
        for _ in range(600):
            status, _ = await ask(app, "/health/ready", b"")
            if status == 200:
                break
            await asyncio.sleep(0.05)
        else:
            raise TimeoutError("the service was not ready within 30 s")
        yield


def counter_of_the_sdk() -> Callable[[], None]:
    """The yardstick: one `add`. The counter is made before telemetry is switched off, since it would do nothing otherwise."""
    from opentelemetry.sdk.metrics import Counter, MeterProvider

    disabled = os.environ.pop("OTEL_SDK_DISABLED", None)
    try:
        counter = MeterProvider(shutdown_on_exit=False).get_meter("yardstick").create_counter("adds")
    finally:
        if disabled is not None:
            os.environ["OTEL_SDK_DISABLED"] = disabled
    assert isinstance(counter, Counter)
    return lambda: counter.add(1, {"http.request.method": "GET"})


async def measure(
    model: Path, *, requests: int, runs: int, profile: bool = False, yardstick: Callable[[], None]
) -> tuple[list[float], list[float]]:
    """Microseconds of processor time a request, and one call of the yardstick, for each run."""
    from vitals.app import create_app
    from vitals.bundle.folder import read_folder
    from vitals.settings.service import Settings

    app = create_app(Settings.load(model_dir=model))
    row = {feature.name: feature.example for feature in read_folder(model).profile.features}
    body = json.dumps({"features": row}).encode()
    took: list[float] = []
    calls: list[float] = []
    profiler = cProfile.Profile(builtins=False) if profile else nullcontext()
    async with ready(app):
        for _ in range(300):
            status, answer = await ask(app, "/predict", body)
            assert status == 200, answer
        for _ in range(runs):
            with profiler:
                start = time.process_time()
                for _ in range(requests):
                    await ask(app, "/predict", body)
                    await asyncio.sleep(0)  # a server's next request comes in another turn of the event loop
                took.append((time.process_time() - start) / requests * 1e6)
            start = time.process_time()
            for _ in range(_ADDS):
                yardstick()
            calls.append((time.process_time() - start) / _ADDS * 1e6)
    if isinstance(profiler, cProfile.Profile):
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    return took, calls


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--model", type=Path, help="a served folder; without it, the iris example is trained")
    parser.add_argument("--requests", type=int, default=200, help="requests a run")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes; the figures are larger then")
    given = parser.parse_args()
    yardstick = counter_of_the_sdk()
    os.environ["OTEL_SDK_DISABLED"] = "true"
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # as `vitals serve` has it
    with tempfile.TemporaryDirectory() as scratch:
        model = given.model
        if model is None:
            from vitals.profiling.examples import train_example

            model = Path(scratch) / "model"
            train_example(model)
        runs, adds = asyncio.run(
            measure(model, requests=given.requests, runs=given.runs, profile=given.profile, yardstick=yardstick)
        )
    figures = {"lowest": min(runs), "median": statistics.median(runs), "highest": max(runs)}
    one_add = statistics.median(adds)
    if given.json:
        about = {"unit": "µs of processor time a request", "budget": BUDGET_MICROSECONDS}
        print(json.dumps({**about, **figures, "one_add_of_the_sdk": one_add}, ensure_ascii=False))
        return
    print(", ".join(f"{name} {value:.0f} µs" for name, value in figures.items()) + f"; one add of the SDK {one_add:.2f} µs")


if __name__ == "__main__":
    main()
