"""The canary: a request of the stack's own, followed into every store, so that how fresh they are is measured all the time.

It asks the service's `/health/canary`, takes the trace id of the answer, and looks in each store by itself until the span, the
log record or the count of that request is there. What it measures leaves as any other process's metrics do, over OTLP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import httpx2 as httpx
from opentelemetry.metrics import Meter

from vitals.backends.backend_table import Place
from vitals.canary import traced_request
from vitals.lookup.clients import Stores

ROUTE = "/health/canary"
"""What is asked of the service."""

LOST_AFTER_SECONDS = 60.0
"""A canary that a store does not have after so long counts as lost."""

AT_ONCE = 6
"""Canaries under way to one store: those of a minute, at the usual interval. Further ones are skipped, and counted."""

FRESHNESS_SECONDS = (
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0),
    *(4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)
"""Buckets of `vitals.freshness`: fine up to the promises, 2 s and 3 s."""

OF_SPANS: frozenset[Place] = frozenset({"elasticsearch spans", "jaeger"})
"""Places that have nothing of a trace that is not sampled; logs and counts are kept all the same."""

ALIVE_EVERY_SECONDS = 10.0
_ASK_TIMEOUT_SECONDS = 5.0
_POLL_SECONDS, _POLL_SELDOM_SECONDS = 0.1, 1.0
_POLL_OFTEN_FOR_SECONDS = 5.0
_NOT_FOUND = "not_found"

_logger = logging.getLogger("vitals.canary")


@dataclass(frozen=True)
class Asked:
    """A canary that the service has answered: its trace, who answered and how many of them so far; when, by time.monotonic().

    sampled: whether its spans are sent at all, as the answer says.
    """

    trace_id: str
    instance: str | None
    answered: int
    at: float
    sampled: bool = True


Look = Callable[[Asked], object]
"""Asks a store once: true once the canary is there. Raises what `Stores` raises."""


def looks(stores: Stores) -> dict[Place, Look]:
    """How each store of the chosen backends is asked; Prometheus for the count, since it has few of the traces as exemplars."""

    def of_trace(question: Callable[[str], list[object]], asked: Asked) -> object:
        return question(asked.trace_id)

    found: dict[Place, Look] = {place: partial(of_trace, question) for place, question in stores.questions().items()}
    if "prometheus" in found:
        found["prometheus"] = lambda asked: stores.answered(ROUTE, asked.instance) >= asked.answered
    return found


class Service:
    """The service that is asked, each time over a new connection: of several workers each gets its turn."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(base_url=url, timeout=_ASK_TIMEOUT_SECONDS, limits=limits, trust_env=False)

    def ask(self) -> Asked:
        """Send one canary. Raises httpx.HTTPError, or ValueError or LookupError where the answer is not a canary's."""
        answer = self._client.get(ROUTE, headers=traced_request.parent()).raise_for_status()
        told, at = answer.json(), time.monotonic()
        if not told["trace_id"]:
            raise ValueError(traced_request.why_untraced(ROUTE))
        sampled = traced_request.is_sampled(answer.headers.get("traceresponse", ""))
        return Asked(told["trace_id"], told["instance"], int(told["answered"]), at, sampled)


class Findings:
    """What canaries find, as metrics; and as a line of the log where it changes, not each time."""

    def __init__(self, meter: Meter) -> None:
        self._freshness = meter.create_histogram(
            "vitals.freshness",
            unit="s",
            description="From the answer of the service to what it left being searchable, by store.",
            explicit_bucket_boundaries_advisory=list(FRESHNESS_SECONDS),
        )
        self._sent = meter.create_counter(
            "vitals.canary.sent",
            unit="{canary}",
            description="Canaries that the service was asked for; error.type where it failed.",
        )
        self._lost = meter.create_counter(
            "vitals.canary.lost", unit="{canary}", description="Canaries that a store did not have within a minute, and why."
        )
        self._skipped = meter.create_counter(
            "vitals.canary.skipped", unit="{canary}", description="Canaries not looked for: too many were under way to the store."
        )
        self._wrong: dict[str, str] = {}
        self._lock = threading.Lock()

    def expect(self, store: Place) -> None:
        """Begin a store's counts at 0."""
        self._lost.add(0, {"store": store})
        self._skipped.add(0, {"store": store})

    def sent(self) -> None:
        """The service answered."""
        self._sent.add(1)
        self._say("the service", "")

    def failed(self, error: str, why: str) -> None:
        """The service did not, or not as it should."""
        self._sent.add(1, {"error.type": error})
        self._say("the service", f"gives no canary: {why}")

    def found(self, store: Place, seconds: float) -> None:
        """A store has it, so long after the answer."""
        self._freshness.record(seconds, {"store": store})
        self._say(store, "")

    def lost(self, store: Place, error: str, why: str) -> None:
        """A store did not have it in time; `error` is the type of what came last instead."""
        self._lost.add(1, {"store": store, "error.type": error})
        self._say(store, f"had no canary within {LOST_AFTER_SECONDS:.0f} s: {why}")

    def unsampled(self) -> None:
        """The service drops its spans: said once, and not counted as lost by the stores of spans."""
        self._say(
            "the service's sampler",
            f"drops the canary's trace ({traced_request.sampler()}): stores of spans are not asked for it",
        )

    def skipped(self, store: Place) -> None:
        """A store has enough to be asked for already."""
        self._skipped.add(1, {"store": store})

    def _say(self, who: str, wrong: str) -> None:
        with self._lock:
            before = self._wrong.get(who, "")
            self._wrong[who] = wrong
        if wrong and not before:
            _logger.warning("%s %s", who, wrong)
        elif before and not wrong:
            _logger.info("%s is well again", who)


class Watch:
    """Looks for canaries in one store. A store that is away or late holds up no other, and never more threads than `at_once`."""

    def __init__(self, store: Place, look: Look, findings: Findings, stop: threading.Event, *, at_once: int = AT_ONCE) -> None:
        self.store = store
        self._look = look
        self._findings = findings
        self._stop = stop
        self._room = threading.BoundedSemaphore(at_once)
        findings.expect(store)

    def follow(self, asked: Asked) -> None:
        """Look for it from now on, in the background; skip it where there is no room."""
        if not self._room.acquire(blocking=False):
            self._findings.skipped(self.store)
            return
        # A daemon: an engine that is frozen while it is asked must not hold up the end of this process.
        threading.Thread(target=self._until_known, args=(asked,), name=f"canary {self.store}", daemon=True).start()

    def _until_known(self, asked: Asked) -> None:
        try:
            while not self._stop.is_set():
                error, why = self._looked(asked)
                waited = time.monotonic() - asked.at
                if not error:
                    self._findings.found(self.store, waited)
                    return
                if waited >= LOST_AFTER_SECONDS:
                    self._findings.lost(self.store, error, why)
                    return
                self._stop.wait(_POLL_SECONDS if waited < _POLL_OFTEN_FOR_SECONDS else _POLL_SELDOM_SECONDS)
        finally:
            self._room.release()

    def _looked(self, asked: Asked) -> tuple[str, str]:
        """The type of what is wrong, and in words; both empty where the store has it."""
        try:
            return ("", "") if self._look(asked) else (_NOT_FOUND, "it answers, and does not have it")
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as wrong:
            return error_type(wrong), str(wrong) or type(wrong).__name__


def error_type(wrong: Exception) -> str:
    """As the semantic conventions have it: the status that was answered, or the exception's type."""
    return str(wrong.response.status_code) if isinstance(wrong, httpx.HTTPStatusError) else type(wrong).__name__


def run(
    ask: Callable[[], Asked],
    stores: Mapping[Place, Look],
    meter: Meter,
    *,
    interval_seconds: float,
    stop: threading.Event,
    alive: Callable[[], object] = lambda: None,
) -> None:
    """Send a canary every `interval_seconds`, the first after one, and have it looked for in every store, until `stop`.

    alive: called every ten seconds at least, for whoever wants to know that this goes on.
    """
    findings = Findings(meter)
    watches = [Watch(store, look, findings, stop) for store, look in stores.items()]
    due = time.monotonic() + interval_seconds
    while True:
        alive()
        left = due - time.monotonic()
        if stop.wait(max(0.0, min(left, ALIVE_EVERY_SECONDS))):
            return
        if left <= ALIVE_EVERY_SECONDS:
            # A service that took longer than the interval is asked once, not for all that was missed.
            due = max(due + interval_seconds, time.monotonic())
            _send(ask, watches, findings)


def _send(ask: Callable[[], Asked], watches: Sequence[Watch], findings: Findings) -> None:
    try:
        asked = ask()
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as wrong:
        findings.failed(error_type(wrong), str(wrong) or type(wrong).__name__)
        return
    findings.sent()
    if not asked.sampled:
        findings.unsampled()
    for watch in watches:
        if asked.sampled or watch.store not in OF_SPANS:
            watch.follow(asked)
