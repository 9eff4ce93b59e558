"""What a request may leave besides its own span and metrics: one log record, with what it adds to that span and to histograms.

Whoever knows what the event means encodes it: it is handed to the span while the request is served, and asked in the thread that
encodes once the answer is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from vitals.telemetry.fast_path import wire
from vitals.telemetry.fast_path.distributions import Measurement
from vitals.telemetry.fast_path.span import trace_flags

SEVERITY_INFO = b"\x10\x09" + wire.text(b"\x1a", "INFO")
"""The fields `LogRecord.severity_number` and `severity_text`."""

LOG_TRACE_FLAGS = tuple(trace_flags(flags).to_bytes(4, "little") for flags in range(16))
"""`LogRecord.flags`, by the flags of a record."""


class RequestEvent(Protocol):
    """One event of one request."""

    def encoded(self, packed: bytes) -> tuple[bytes, Sequence[bytes]]:
        """The log record with its tag, and the attributes that it adds to the span, in pieces. packed: the record of the span."""

    def span_attributes(self) -> Mapping[str, Any]:
        """The same attributes, for a span that the SDK encodes."""

    def measured(self) -> Sequence[Measurement]:
        """The values that it adds to histograms, in their order."""
