"""Measures what the fast path keeps of requests that are alike in all but one thing: `python -m tests.unit.fast_path_memory`.

A process of its own, since threads of other tests would be measured too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tracemalloc
from typing import Any

from fastapi import FastAPI
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from benchmarks.request_telemetry import Unsent
from vitals.telemetry.requests.middleware import RequestTelemetry

REQUESTS, LONG = 1000, 20_000
KINDS = ("user agent", "method", "path", "path below a mount", "query", "client", "client's address")


def _application() -> FastAPI:
    app, mounted = FastAPI(), FastAPI()
    app.mount("/below", mounted)
    return app


async def _nothing(*_: Any) -> Any:
    return None


def kept_bytes(given: str) -> int:
    """Of REQUESTS requests, each with another one of what is given, after as many others."""
    telemetry = Unsent()
    fast_path = telemetry.fast_path
    fast_path.feed([InMemoryMetricReader()])
    app = _application()
    watched = RequestTelemetry(app, app, telemetry, excluded=None)  # type: ignore[arg-type]

    async def ask(first: int) -> None:
        for number in range(first, first + REQUESTS):
            long = f"{number}-".ljust(LONG, "x")
            await watched(
                {
                    "type": "http", "http_version": "1.1", "scheme": "http", "root_path": "", "server": ("127.0.0.1", 8000),
                    "method": long.upper() if given == "method" else "GET",
                    "path": {"path": f"/{long}", "path below a mount": f"/below/{long}"}.get(given, "/"),
                    "query_string": long.encode() if given == "query" else b"",
                    "client": ({"client": f"{number}.example", "client's address": long}.get(given, "127.0.0.1"), 1),
                    "headers": [(b"user-agent", long.encode() if given == "user agent" else b"a")],
                },
                _nothing,
                _nothing,
            )  # fmt: skip

    asyncio.run(ask(0))
    fast_path.flush()
    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(ask(REQUESTS))
        fast_path.flush()
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        fast_path.close()
    return kept


if __name__ == "__main__":
    os.environ |= {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "16384"}
    print(json.dumps({given: kept_bytes(given) for given in KINDS}))
