"""Each backend frozen for a minute, taking connections and never answering: nobody who asks notices, and it catches up."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest

from ..stack.conftest import Stack, eventually
from . import latency
from .accountant import balance
from .conftest import Fault
from .engines import frozen, queued
from .ledger import Balance
from .load import Answer, Load
from .results import Row

FROZEN_SECONDS = 60
CAUGHT_UP_WITHIN_SECONDS = 120


BACKENDS = {
    "Elasticsearch": ("elasticsearch_port", ["elasticsearch/logs", "elasticsearch/traces"]),
    "Jaeger": ("jaeger_otlp_port", ["otlp_grpc/jaeger"]),
    "Prometheus": ("prometheus_port", ["otlp_http/prometheus"]),
}


@dataclass(frozen=True)
class Seen:
    """What a backend's freezing was like: the time while it lasted, what waited, and when it had caught up."""

    during: tuple[float, float]
    usual: float
    waiting: float
    caught_up: float


@pytest.mark.timeout(900)
def test_each_backend_frozen(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    """One after the other under one load: each is compared with the time before all, and what they miss is looked for once."""
    with ExitStack() as rows, stack.another_service("frozen") as service:
        recorded = {
            backend: rows.enter_context(
                fault(
                    f"{backend} frozen (SIGSTOP) for {FROZEN_SECONDS} s",
                    must_show="/predict p99 ≤ 1.5 times before; catches up after",
                )
            )
            for backend in BACKENDS
        }
        with Load(service.url, folder=tmp_path) as load:
            calm = latency.before(load)
            seen = {backend: _freeze(stack, load, backend) for backend in BACKENDS}
        answers = load.answers()
        found = balance(stack, "frozen", answers, within=60)
        quick = {backend: _told(recorded[backend], load, calm, one, (answers, found)) for backend, one in seen.items()}
        print(found.table())
        assert all(one.ok for one in answers)
        assert all(one.waiting > one.usual for one in seen.values()), "each was frozen"
        assert found.complete, found.table()
        assert all(quick.values()), quick


def _freeze(stack: Stack, load: Load, backend: str) -> Seen:
    port, exporters = BACKENDS[backend]
    usual = _usually_queued(stack, exporters)
    with frozen(getattr(stack.settings, port)):
        during = time.monotonic(), load.wait(FROZEN_SECONDS)
        waiting = queued(stack, *exporters)
    thawed = time.monotonic()
    eventually(
        lambda: _queued(stack, exporters),
        lambda size: size <= usual,
        within=CAUGHT_UP_WITHIN_SECONDS,
        why=f"{backend} has caught up: no more than {usual:.0f} bytes wait",
    )
    return Seen(during, usual, waiting, time.monotonic() - thawed)


def _told(row: Row, load: Load, calm: tuple[float, float], seen: Seen, account: tuple[list[Answer], Balance]) -> bool:
    """Fill the row; gives whether the answers were quick enough."""
    answers, found = account
    quick = latency.compared(load, row, calm, seen.during)
    row.figures |= {
        "answered": len(answers),
        "lost": found.lost,
        "duplicated": found.duplicated,
        "waiting_mb": round(seen.waiting / 1e6, 2),
        "usually_waiting_mb": round(seen.usual / 1e6, 2),
        "caught_up_after_s": round(seen.caught_up, 1),
    }
    row.seen = (
        f"{latency.told(row)}; {seen.waiting / 1e6:.1f} MB waited, caught up {seen.caught_up:.1f} s after it went on; "
        f"of {len(answers)} answered while all three were frozen in turn {found.lost} lost, {found.duplicated} duplicated"
    )
    return quick


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
