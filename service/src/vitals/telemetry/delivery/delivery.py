"""One signal's delivery: buffer, sender, transport and measures, put together; anew in a process that was forked."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from opentelemetry.metrics import Meter

from vitals.telemetry.delivery.buffer import Buffer, Parcel
from vitals.telemetry.delivery.exporter_metrics import Measures
from vitals.telemetry.delivery.log_throttle import Seldom
from vitals.telemetry.delivery.sender import Sender
from vitals.telemetry.delivery.transports import Transport

_logger = logging.getLogger(__name__)


class Delivery:
    """Takes encoded requests and sends them until they are taken."""

    def __init__(
        self, signal: str, *, component_type: str, connect: Callable[[], Transport], buffer_bytes: int, shutdown_seconds: float
    ) -> None:
        """connect: makes the transport, and is asked again after a fork, which no connection outlives."""
        self.signal = signal
        self.says_unsent = True
        """Whether it says itself what is dropped because nobody was ever there."""
        self.unsent = 0
        """Items that were dropped at the end for that reason."""
        self._connect = connect
        self._buffer_bytes = buffer_bytes
        self._shutdown_seconds = shutdown_seconds
        self._component_type = component_type
        self._meter: Meter | None = None
        self._warnings = Seldom()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        transport = self._connect()
        self.address = transport.address
        self._measures = Measures(self.signal, component_type=self._component_type, address=transport.address)
        self._buffer = Buffer(self._buffer_bytes, dropped=self._dropped)
        self._sender = Sender(self.signal, self._buffer, transport, self._measures)

    def put(self, data: bytes, items: int) -> None:
        """Add an encoded request; returns at once."""
        if self._forked:
            self._begin()  # the parent sends what it had; its thread is not here
            if self._meter is not None:
                self.report(self._meter)
        self._buffer.put(Parcel(data, items))

    def lost(self, items: int, reason: str) -> None:
        """Count what never got as far as the buffer."""
        self._measures.lost(items, reason)

    def report(self, meter: Meter) -> None:
        """Export what is counted through `meter`."""
        self._meter = meter
        self._measures.report(meter, lambda: self._buffer.items)

    def flush(self, seconds: float) -> bool:
        """Whether all that was put in was dealt with, after that long at most."""
        return self._forked or self._buffer.wait_until_empty(seconds)

    def shutdown(self) -> None:
        """Send what is left, for `shutdown_seconds` at most; for a moment where nobody was ever there."""
        if not self._forked:
            self.unsent += self._sender.close(self._shutdown_seconds, says_unsent=self.says_unsent)

    @property
    def _forked(self) -> bool:
        """Whether this process was forked and has put nothing in: what the buffer holds is its parent's."""
        return os.getpid() != self._process

    def _dropped(self, items: int, reason: str) -> None:
        self._measures.lost(items, reason)
        if not self._warnings.due(reason):
            return
        if reason == "shutdown":
            _logger.warning("What came once the delivery of %s was shut down is dropped, and counted.", self.signal)
        else:
            _logger.warning(
                "The buffer of %s is full (%d bytes): the oldest, or what is larger than the room, is dropped, and counted.",
                self.signal,
                self._buffer_bytes,
            )
