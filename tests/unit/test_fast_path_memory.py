"""What clients send freely takes no lasting memory on the fast path, however much of it comes."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from benchmarks.request_telemetry import Unsent
from vitals.telemetry.middleware import RequestTelemetry

REQUESTS, LONG, ALLOWED_BYTES = 1000, 20_000, 3_000_000


def _application() -> FastAPI:
    app, mounted = FastAPI(), FastAPI()
    app.mount("/below", mounted)
    return app


async def _nothing(*_: Any) -> Any:
    return None


@pytest.mark.parametrize("given", ["user agent", "method", "path", "path below a mount", "query", "client"])
def test_what_clients_send_freely_is_not_kept(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "16384"}.items():
        monkeypatch.setenv(name, value)
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
                    "client": (f"{number}.example", 1) if given == "client" else ("127.0.0.1", 1),
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
    assert kept < ALLOWED_BYTES, f"{kept:,} bytes are kept of {REQUESTS} requests with a {given} of their own"
