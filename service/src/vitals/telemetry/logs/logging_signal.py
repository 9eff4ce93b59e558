"""Logs through the standard `logging` module: what reaches the root logger leaves over OTLP with the trace it belongs to.

Whatever the application configures, and whenever: log_tap.py says how, log_handler.py what of a record.
"""

from __future__ import annotations

import logging
import random

from opentelemetry._logs import LoggerProvider
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from vitals.telemetry.logs.log_handler import OtlpHandler
from vitals.telemetry.logs.log_tap import close_tap, open_tap
from vitals.telemetry.trace_id import current_trace_id

RECORD_UID = "log.record.uid"


def printable(text: str) -> str:
    """`text` with every character that could break a line or steer a terminal written as its escape."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


class UidProcessor(LogRecordProcessor):
    """Gives each record a `log.record.uid`: stores use it as the document's id, so a retry makes no duplicate."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Add the id; a record that has one keeps it."""
        attributes = log_record.log_record.attributes
        if attributes is not None:
            attributes.setdefault(RECORD_UID, f"{random.getrandbits(128):032x}")  # type: ignore[attr-defined]

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  (the interface's)
        """Nothing is held."""
        return True


def attach_otlp_handler(provider: LoggerProvider) -> OtlpHandler | None:
    """Send what is logged in this process to `provider`; None where another application of this process did so already."""
    handler = OtlpHandler(provider)
    return handler if open_tap(handler) else None  # a second one would send every record twice


def detach_otlp_handler() -> None:
    """End that, once the last application of this process has ended: the `logging` module is as it was."""
    close_tap()


class ConsoleFormatter(logging.Formatter):
    """One line a record for a person at a terminal, with the trace id where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s  %(message)s%(trace)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback follows on lines of its own."""
        trace_id = current_trace_id()
        record.__dict__["trace"] = f"  trace_id={trace_id}" if trace_id else ""
        try:
            return super().format(record)
        finally:
            del record.__dict__["trace"]  # or the handler that comes next would send it as an attribute
