"""What one lone `POST /predict` costs inside the process: routing, JSON, monitoring, the batcher and the model; no HTTP server.

    python benchmarks/lone_request.py [--json] [--model DIR] [--requests 200] [--runs 50] [--profile]

Telemetry is off (OTEL_SDK_DISABLED=true). The figure is processor time of the whole process, so what another thread does counts
too. Each run asks one request after the other; the lowest run is the one that other processes disturbed least.
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
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

BUDGET_MICROSECONDS = 250.0
"""For the iris pipeline on the machine that docs/served-model.md names."""


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


async def measure(model: Path, *, requests: int, runs: int, profile: bool) -> list[float]:
    """Microseconds of processor time a request, for each run."""
    from vitals.app import create_app
    from vitals.profile.folder import read_folder
    from vitals.settings import Settings

    app = create_app(Settings.load(model_dir=model))
    row = {feature.name: feature.example for feature in read_folder(model).profile.features}
    body = json.dumps({"features": row}).encode()
    found = []
    async with ready(app):
        for _ in range(300):
            status, answer = await ask(app, "/predict", body)
            assert status == 200, answer
        with cProfile.Profile(builtins=False) if profile else _nothing() as profiler:
            for _ in range(runs):
                start = time.process_time()
                for _ in range(requests):
                    await ask(app, "/predict", body)
                    await asyncio.sleep(0)  # a server's next request comes in another turn of the event loop
                found.append((time.process_time() - start) / requests * 1e6)
        if profile:
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    return found


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--model", type=Path, help="a served folder; without it, the iris example is trained")
    parser.add_argument("--requests", type=int, default=200, help="requests a run")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes; the figures are larger then")
    given = parser.parse_args()
    os.environ["OTEL_SDK_DISABLED"] = "true"
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # as `vitals serve` has it
    with tempfile.TemporaryDirectory() as scratch:
        model = given.model
        if model is None:
            from vitals.making.examples import train_example

            model = Path(scratch) / "model"
            train_example(model)
        runs = asyncio.run(measure(model, requests=given.requests, runs=given.runs, profile=given.profile))
    figures = {"lowest": min(runs), "median": statistics.median(runs), "highest": max(runs)}
    if given.json:
        print(
            json.dumps({"unit": "µs of processor time a request", "budget": BUDGET_MICROSECONDS, **figures}, ensure_ascii=False)
        )
        return
    print(", ".join(f"{name} {value:.0f} µs" for name, value in figures.items()))


if __name__ == "__main__":
    main()
