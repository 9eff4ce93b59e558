"""A backend frozen for a minute, taking connections and never answering, and how long it then takes to catch up."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx2 as httpx

from ..stack.conftest import Stack, eventually
from .engines import frozen, queued
from .load import Load

FROZEN_SECONDS = 60
CAUGHT_UP_WITHIN_SECONDS = 120

BACKENDS = {
    "Elasticsearch": ("elasticsearch_port", ["elasticsearch/logs", "elasticsearch/traces"]),
    "Jaeger": ("jaeger_otlp_port", ["otlp_grpc/jaeger"]),
    "Prometheus": ("prometheus_port", ["otlp_http/prometheus"]),
}
"""The setting of each one's port, and its exporters."""


@dataclass(frozen=True)
class Frozen:
    """When it lasted (monotonic), the bytes that usually wait, those that waited then, and the seconds until no more did."""

    during: tuple[float, float]
    usual: float
    waiting: float
    caught_up: float


def freeze(stack: Stack, load: Load, backend: str) -> Frozen:
    """Freeze a backend of BACKENDS under the load, and wait until it has caught up."""
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
    return Frozen(during, usual, waiting, time.monotonic() - thawed)


def _usually_queued(stack: Stack, exporters: list[str]) -> float:
    """The most that waits for a backend in two seconds without a fault."""
    until = time.monotonic() + 2
    most = 0.0
    while time.monotonic() < until:
        most = max(most, queued(stack, *exporters))
        time.sleep(0.1)
    return most


def _queued(stack: Stack, exporters: list[str]) -> float:
    try:
        return queued(stack, *exporters)
    except httpx.HTTPError:
        return float("inf")
