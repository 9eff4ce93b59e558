"""A provider of logs that keeps what it got."""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor


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
    def bodies(self) -> list[str]:
        return [one.body for one in self.records]

    def encoded(self) -> None:
        """Raises where one can't be sent."""
        encode_logs(self._memory.get_finished_logs()).SerializeToString()


class Processor(LogRecordProcessor):
    """One that holds nothing."""

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 0) -> bool:  # noqa: ARG002 - the interface's
        return True
