"""A provider of logs that keeps what it got, and what tests of logging ask for: that provider attached, and a logger."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from vitals.telemetry.logs.logging_signal import attach_otlp_handler, detach_otlp_handler


class Sink:
    """A provider, and what it got."""

    def __init__(self, *processors: LogRecordProcessor) -> None:
        self._memory = InMemoryLogRecordExporter()
        self.provider = LoggerProvider(shutdown_on_exit=False)
        for one in (*processors, SimpleLogRecordProcessor(self._memory)):
            self.provider.add_log_record_processor(one)

    @property
    def records(self) -> list[Any]:
        return [one.log_record for one in self._memory.get_finished_logs()]

    @property
    def finished(self) -> Any:
        """As an exporter gets them."""
        return self._memory.get_finished_logs()

    @property
    def bodies(self) -> list[str]:
        return [one.body for one in self.records]

    def encoded(self) -> None:
        """Raises where one can't be sent."""
        encode_logs(self._memory.get_finished_logs()).SerializeToString()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """What is logged in this process; the session's own application, if one runs, does without meanwhile."""
    detach_otlp_handler()
    sink = Sink()
    assert attach_otlp_handler(sink.provider) is not None
    yield sink
    detach_otlp_handler()


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    log = logging.getLogger("shop.orders")
    log.setLevel(logging.DEBUG)
    yield log
    log.setLevel(logging.NOTSET)


class Processor(LogRecordProcessor):
    """One that holds nothing."""

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 0) -> bool:  # noqa: ARG002 - the interface's
        return True
