"""What ended waits here for the thread that encodes it, some times a second, and leaves it to the deliveries."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics.export import ScopeMetrics
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vitals.telemetry.delivery.delivery import Delivery
from vitals.telemetry.fast_path.distributions import Measurement
from vitals.telemetry.fast_path.encoder import Encoder, Ended
from vitals.telemetry.fast_path.linked_span import LinkedSpan
from vitals.telemetry.fast_path.measures import Active, Measures
from vitals.telemetry.fast_path.sdk_metrics import SdkMetrics

_logger = logging.getLogger(__name__)

_MOST_TOGETHER = 512
"""Requests that are encoded for one message: a message of more would be long on its way, and so would what is in it."""


class Sender:
    """Takes from the event loop, in its own thread encodes, measures and hands over.

    `put` is for the event loop and for threads that work for requests: it is one append. Everything that was given before
    `drain` is counted and handed over once it returns.
    """

    def __init__(
        self,
        encoder: Encoder,
        counted: SdkMetrics,
        *,
        traces: Delivery | None,
        logs: Delivery | None,
        export_by_sdk: Callable[[Sequence[ReadableSpan]], object],
        delay_seconds: float,
        most_waiting: int,
    ) -> None:
        """traces, logs: None where that signal is not exported. export_by_sdk: for spans that an application added to."""
        self._encoder, self._counted = encoder, counted
        self._traces, self._logs, self._export_by_sdk = traces, logs, export_by_sdk
        self._delay_seconds = delay_seconds
        self._most_waiting = most_waiting
        self.measures: list[Measures] = []
        self._begin()
        myself = weakref.ref(self)

        def forked() -> None:
            if (found := myself()) is not None:
                found._begin()

        os.register_at_fork(after_in_child=forked)

    def _begin(self) -> None:
        """In a new process: what waits is the parent's, which sends it."""
        self._waiting: deque[Ended | LinkedSpan] = deque()
        self._draining, self._starting = threading.RLock(), threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._asleep = True
        self._thread: threading.Thread | None = None

    def put(self, item: Ended | LinkedSpan) -> None:
        """A request that was answered, or work for several of them."""
        if len(self._waiting) >= self._most_waiting:
            self._counted.made([item])
            self._counted.dropped(item)
            return
        self._waiting.append(item)
        if self._asleep:
            self._asleep = False
            if self._thread is None:
                self._start()
            self._wake.set()

    def drain(self) -> None:
        """Encode, measure and hand over all that waits now."""
        with self._draining, suppress_instrumentation():
            while self._waiting:
                self._hand_over([self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_TOGETHER))])

    def measure(self, measured: Sequence[Measurement]) -> None:
        """Values of a request that is not watched."""
        with self._draining:
            for measures in self.measures:
                measures.record(measured)

    def collected(
        self, measures: Measures, http: InstrumentationScope, ours: InstrumentationScope, active: Active
    ) -> list[ScopeMetrics]:
        """What one reader's histograms hold, everything included that ended before."""
        with self._draining:
            self.drain()
            return measures.scopes(http, ours, active)

    def close(self) -> None:
        """Drain, and end the thread. What comes later is dropped by the deliveries, and counted."""
        self._stop.set()
        self._wake.set()
        self.drain()

    def _start(self) -> None:
        with self._starting:  # the event loop and another thread may come at once
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vitals encodes requests", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stop.wait(self._delay_seconds)
            self._asleep = True  # before it is drained: what comes in between wakes this thread once more
            try:
                self.drain()
            except Exception:
                _logger.exception("Requests could not be encoded.")

    def _hand_over(self, items: Sequence[Ended | LinkedSpan]) -> None:
        for measures in self.measures:
            measures.take(items)
        self._counted.made(items)
        made = self._encoder.encode(items)
        spans = len(made.request_spans) + len(made.linked_spans)
        if self._traces is not None:
            if spans:
                self._traces.put(self._encoder.spans(made.request_spans, made.linked_spans), spans)
            if made.by_sdk:
                self._export_by_sdk(made.by_sdk)
        if self._logs is not None and made.logs:
            self._logs.put(self._encoder.logs(made.logs), len(made.logs))
        for item in made.failed:
            self._counted.dropped(item)
        self._counted.spans += spans + len(made.by_sdk)
        self._counted.logs += len(made.logs)
