"""What the deliveries count of themselves, by the names that the semantic conventions give to an SDK's exporters.

`otel.sdk.exporter.span.exported` (and `.log`, `.metric_data_point`): without `error.type` what was taken, with it what is lost:
queue_full          the buffer was full: the Collector was away for too long
backend_queue_full  the Collector could not keep it for at least one backend, whose queue was full; the others have it
shutdown            the process ended before the Collector took it
rejected            the Collector took the request, and not all in it
a gRPC status, an HTTP status, or an exception: what the Collector, or something on the way, answered
`otel.sdk.exporter.span.inflight`: what is in the buffer now. `otel.sdk.exporter.operation.duration`: of each attempt to send.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from vitals.telemetry.defaults import REQUEST_SECONDS
from vitals.telemetry.delivery.export_result import BACKEND_QUEUE_FULL
from vitals.telemetry.delivery.transports import host_and_port

REASONS = ("queue_full", BACKEND_QUEUE_FULL, "shutdown", "rejected")

_ITEMS = {"traces": ("span", "{span}"), "logs": ("log", "{log_record}"), "metrics": ("metric_data_point", "{data_point}")}


class Measures:
    """Counted from the first moment, and exported once there is a meter: the metrics' delivery is there before any meter."""

    def __init__(self, signal: str, *, component_type: str, address: str) -> None:
        self._signal = signal
        host, port = host_and_port(address)
        self._attributes: dict[str, str | int] = {
            "otel.component.type": component_type,
            "otel.component.name": f"{component_type}/0",
            "server.address": host,
            **({"server.port": port} if port else {}),
        }
        self._lock = threading.Lock()  # counted by the thread that exports and by the one that sends
        self._taken = 0
        self._lost = dict.fromkeys(REASONS, 0)
        self._durations: Histogram | None = None

    def taken(self, items: int) -> None:
        """The Collector has them."""
        with self._lock:
            self._taken += items

    def lost(self, items: int, reason: str) -> None:
        """They are lost; a reason is the code's or a protocol's, so there are few."""
        with self._lock:
            self._lost[reason] = self._lost.get(reason, 0) + items

    def attempted(self, seconds: float, reason: str) -> None:
        """One attempt to send took that long; reason: why the request was not taken, or nothing."""
        if self._durations is not None:
            self._durations.record(seconds, self._of(reason))

    def report(self, meter: Meter, waiting: Callable[[], int]) -> None:
        """Export them through `meter`, with what is `waiting` at each collection."""
        item, unit = _ITEMS[self._signal]

        def exported(_: CallbackOptions) -> list[Observation]:
            with self._lock:
                taken, lost = self._taken, dict(self._lost)
            of_lost = [Observation(count, self._of(reason)) for reason, count in lost.items()]
            return [Observation(taken, self._of("")), *of_lost]

        def inflight(_: CallbackOptions) -> list[Observation]:
            return [Observation(waiting(), self._attributes)]

        meter.create_observable_counter(
            f"otel.sdk.exporter.{item}.exported",
            [exported],
            unit=unit,
            description="Items that the exporter is done with: taken, or lost for the reason in error.type.",
        )
        meter.create_observable_up_down_counter(
            f"otel.sdk.exporter.{item}.inflight", [inflight], unit=unit, description="Items in the exporter's buffer."
        )
        self._durations = meter.create_histogram(
            "otel.sdk.exporter.operation.duration",
            unit="s",
            description="Duration of an attempt to send.",
            explicit_bucket_boundaries_advisory=list(REQUEST_SECONDS),
        )

    def _of(self, reason: str) -> dict[str, str | int]:
        return {**self._attributes, "error.type": reason} if reason else dict(self._attributes)
