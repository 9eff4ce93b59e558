"""The thread that empties a buffer: in order, one request at a time, again and again until each is taken or can't be."""

from __future__ import annotations

import logging
import random
import threading
import time

from opentelemetry.instrumentation.utils import suppress_instrumentation

from vitals.telemetry.delivery.buffer import Buffer, Parcel
from vitals.telemetry.delivery.export_result import Outcome
from vitals.telemetry.delivery.exporter_metrics import Measures
from vitals.telemetry.delivery.log_throttle import Seldom
from vitals.telemetry.delivery.transports import Transport, host_and_port

PATIENCE_SECONDS = 0.3
"""How long the end waits for a Collector that nobody has seen."""

_LOOKS_SECONDS = 0.05
"""Between two looks at whether there is one."""

_seen: set[tuple[str, int | None]] = set()
"""Where a request of this process was ever answered for good: a Collector that was there before may come back."""

_logger = logging.getLogger("vitals.telemetry.delivery")

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
"""Between attempts: doubled from the first to the longest, then drawn from its upper half: replicas don't come at once."""

LONGEST_ASKED_SECONDS = 60.0
"""The longest that an answer can make it wait; the shortest is the first wait, also where the answer says 0."""

DOUBTFUL_ATTEMPTS = 5
"""After so many answers to one request that may mean `never`, they do."""


class Sender:
    """Sends what a buffer holds. Its thread is a daemon: a process that does not shut its telemetry down still ends."""

    def __init__(self, signal: str, buffer: Buffer, transport: Transport, measures: Measures) -> None:
        self._signal = signal
        self._buffer = buffer
        self._transport = transport
        self._measures = measures
        self._address = host_and_port(transport.address)
        self._absent = False
        self._away_since: float | None = None
        self._warnings = Seldom()
        self._thread = threading.Thread(target=self._run, name=f"vitals delivers {signal}", daemon=True)
        self._thread.start()

    def close(self, seconds: float, *, says_unsent: bool = True) -> int:
        """Send what is left for that long at most; the rest is lost, counted and said.

        Where nobody was ever there, `PATIENCE_SECONDS` are enough. Gives how much is lost for that reason;
        says_unsent: whether that is said here.
        """
        self._buffer.close()
        self._wait(seconds)
        nobody = self._nobody
        left = self._buffer.abandon()
        if left:
            self._measures.lost(left, "shutdown")
        if left and nobody and says_unsent:
            _logger.warning("Nobody took telemetry at %s: %d %s are dropped.", self._transport.address, left, self._signal)
        elif left and not nobody:
            _logger.warning(
                "%d %s were still in the buffer and are lost: %s did not take them within %.0f s.",
                left,
                self._signal,
                self._transport.address,
                seconds,
            )
        self._transport.close()
        return left if nobody else 0

    def _wait(self, seconds: float) -> None:
        """For the thread to send what is left; for less long where nobody is there to take it."""
        begun = time.monotonic()
        while self._thread.is_alive() and (passed := time.monotonic() - begun) < seconds:
            if self._nobody and passed >= PATIENCE_SECONDS:
                return
            self._thread.join(min(_LOOKS_SECONDS, seconds - passed))

    @property
    def _nobody(self) -> bool:
        """Whether nobody is at the address now, nor ever was."""
        return self._absent and self._address not in _seen

    def _run(self) -> None:
        with suppress_instrumentation():  # what is logged here must not be sent by itself
            while (parcel := self._buffer.first()) is not None:
                self._send(parcel)

    def _send(self, parcel: Parcel) -> None:
        attempt = doubts = 0
        while True:
            begun = time.perf_counter()
            outcome = self._transport.send(parcel.data)
            self._measures.attempted(time.perf_counter() - begun, outcome.reason)
            self._absent = outcome.absent
            if outcome.verdict in ("taken", "lost"):
                _seen.add(self._address)
            attempt += 1
            doubts += outcome.verdict == "doubtful"
            if outcome.verdict in ("taken", "lost") or doubts >= DOUBTFUL_ATTEMPTS:
                break
            self._say_away(outcome)
            self._buffer.rest(wait_seconds(attempt, outcome))
            if self._buffer.closing and not self._buffer.items:
                return  # abandoned, and counted
        with self._buffer.done() as counts:
            if counts:
                self._count(parcel, outcome)
        if outcome.verdict == "taken":
            self._say_back()
        if outcome.verdict != "taken" or outcome.rejected:
            self._say_lost(outcome.rejected or parcel.items, outcome)

    def _count(self, parcel: Parcel, outcome: Outcome) -> None:
        if outcome.verdict != "taken":
            self._measures.lost(parcel.items, outcome.reason)
            return
        self._measures.taken(parcel.items - outcome.rejected)
        if outcome.rejected:
            self._measures.lost(outcome.rejected, "rejected")

    def _say_lost(self, items: int, outcome: Outcome) -> None:
        reason = outcome.reason or "rejected"
        if self._warnings.due(reason):
            _logger.warning(
                "%s did not take %d %s (%s: %s); further ones within a minute are only counted.",
                self._transport.address,
                items,
                self._signal,
                reason,
                outcome.explained,
            )

    def _say_away(self, outcome: Outcome) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            _logger.warning(
                "%s does not take %s (%s: %s): they are kept while there is room, and sent again.",
                self._transport.address,
                self._signal,
                outcome.reason,
                outcome.explained,
            )

    def _say_back(self) -> None:
        if self._away_since is not None:
            _logger.warning(
                "%s takes %s again, after %.1f s.", self._transport.address, self._signal, time.monotonic() - self._away_since
            )
            self._away_since = None


def wait_seconds(attempt: int, outcome: Outcome) -> float:
    """How long to wait after the attempt of that number, from 1 on: as the answer asks, within bounds; else longer each time."""
    if outcome.after_seconds is not None:
        return min(max(outcome.after_seconds, FIRST_WAIT_SECONDS), LONGEST_ASKED_SECONDS)
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
