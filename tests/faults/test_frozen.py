"""Each backend frozen for a minute, taking connections and never answering: nobody who asks notices, and it catches up."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2 as httpx
import pytest

from ..stack.conftest import Stack, eventually
from . import latency
from .accountant import balance
from .conftest import Fault
from .engines import frozen, queued
from .load import Load

FROZEN_SECONDS = 60
CAUGHT_UP_WITHIN_SECONDS = 120


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("backend", "port", "exporters"),
    [
        ("Elasticsearch", "elasticsearch_port", ["elasticsearch/logs", "elasticsearch/traces"]),
        ("Jaeger", "jaeger_otlp_port", ["otlp_grpc/jaeger"]),
        ("Prometheus", "prometheus_port", ["otlp_http/prometheus"]),
    ],
)
def test_backend_frozen(stack: Stack, fault: Fault, tmp_path: Path, backend: str, port: str, exporters: list[str]) -> None:
    name = f"frozen-{backend.lower()}"
    with (
        fault(
            f"{backend} frozen (SIGSTOP) for {FROZEN_SECONDS} s", must_show="/predict p99 ≤ 1.5 times before; catches up after"
        ) as row,
        stack.another_service(name) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            calm = latency.before(load)
            usual = _usually_queued(stack, exporters)
            with frozen(getattr(stack.settings, port)):
                begun = time.monotonic()
                over = load.wait(FROZEN_SECONDS)
                waiting = queued(stack, *exporters)
            thawed = time.monotonic()
            eventually(
                lambda: _queued(stack, exporters),
                lambda size: size <= usual,
                within=CAUGHT_UP_WITHIN_SECONDS,
                why=f"{backend} has caught up: no more than {usual:.0f} bytes wait",
            )
            caught_up = time.monotonic() - thawed
        answers = load.answers()
        found = balance(stack, name, answers, within=60)
        quick = latency.compared(load, row, calm, (begun, over))
        row.figures |= {
            "answered": len(answers),
            "lost": found.lost,
            "duplicated": found.duplicated,
            "waiting_mb": round(waiting / 1e6, 2),
            "usually_waiting_mb": round(usual / 1e6, 2),
            "caught_up_after_s": round(caught_up, 1),
        }
        row.seen = (
            f"{latency.told(row)}; {waiting / 1e6:.1f} MB waited, caught up {caught_up:.1f} s after it went on, under load; "
            f"{len(answers)} answered, {found.lost} lost, {found.duplicated} duplicated"
        )
        print(found.table())
        assert waiting > usual, "it was frozen"
        assert found.complete, found.table()
        assert quick, row.seen


def _usually_queued(stack: Stack, exporters: list[str]) -> float:
    """The most that waits for the backend in two seconds without a fault."""
    until = time.monotonic() + 2
    most = 0.0
    while time.monotonic() < until:
        most = max(most, queued(stack, *exporters))
    return most


def _queued(stack: Stack, exporters: list[str]) -> float:
    try:
        return queued(stack, *exporters)
    except httpx.HTTPError:
        return float("inf")
