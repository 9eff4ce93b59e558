"""The global logger provider: log records go to the application that is served."""

from __future__ import annotations

import atexit
from typing import Any

from opentelemetry._logs import Logger
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import Attributes

from vitals.telemetry import applications
from vitals.telemetry.providers import Providers
from vitals.telemetry.routing.scopes import of_scope


class RoutingLogger(Logger):
    """A logger of one scope."""

    def __init__(self, *scope: Any) -> None:
        """scope: as `get_logger` takes it."""
        super().__init__(*scope)
        self._scope = scope

    def emit(self, *args: Any, **kwargs: Any) -> None:
        """As the API has it, by the logger of the application that is served."""
        self._logger().emit(*args, **kwargs)

    def enabled(self, **kwargs: Any) -> bool:
        """Whether the application that is served takes such records."""
        return bool(self._logger().enabled(**kwargs))

    def _logger(self) -> Any:
        providers = applications.served()
        try:
            return providers.loggers[self]
        except KeyError:
            made = providers.loggers[self] = providers.logger_provider.get_logger(*self._scope)
            return made

    def __getattr__(self, name: str) -> Any:
        if name == "_scope":
            raise AttributeError(name)
        return getattr(self._logger(), name)


class RoutingLoggerProvider(LoggerProvider):
    """What `_logs.get_logger_provider()` gives. Processors that are added here see the records of all applications."""

    def __init__(self) -> None:
        super().__init__(resource=Resource.get_empty(), shutdown_on_exit=False, meter_provider=NoOpMeterProvider())
        self._routing: dict[Any, RoutingLogger] = {}
        self._shared: list[_SharedLogRecordProcessor] = []

    @property
    def resource(self) -> Resource:
        """Of the application that is served."""
        resource: Resource = applications.served().logger_provider.resource
        return resource

    def get_logger(
        self, name: str, version: str | None = None, schema_url: str | None = None, attributes: Attributes = None
    ) -> RoutingLogger:
        """A logger for any application; the same one for the same scope."""
        return of_scope(self._routing, RoutingLogger, name, version, schema_url, attributes)

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        """Let it see the records of every application, of those too that begin later."""
        shared = _SharedLogRecordProcessor(log_record_processor)
        with applications.changing:
            super().add_log_record_processor(log_record_processor)  # where others look for it
            self._shared.append(shared)
            for providers in applications.present():
                providers.logger_provider.add_log_record_processor(shared)
        atexit.register(log_record_processor.shutdown)

    def adopt(self, providers: Providers) -> None:
        """Give a new application what all share."""
        for shared in self._shared:
            providers.logger_provider.add_log_record_processor(shared)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Of every application."""
        flushed = [one.logger_provider.force_flush(timeout_millis) for one in applications.present()]
        return all(flushed)

    def shutdown(self) -> None:
        """Flush. Each application's provider ends with its application."""
        self.force_flush()


class _SharedLogRecordProcessor(LogRecordProcessor):
    """A processor of several providers: the end of one of them is not the processor's."""

    def __init__(self, processor: LogRecordProcessor) -> None:
        self._processor = processor

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self._processor.on_emit(log_record)

    def enabled(self, **kwargs: Any) -> bool:
        return self._processor.enabled(**kwargs)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._processor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        self._processor.force_flush()
