"""From a record of the `logging` module to OpenTelemetry's, in contrib's names, whatever the record holds.

Contrib's handler writes the fields; it gets a copy of the record whose every value is plain, so that nothing that an
application logs can raise there or where it is encoded.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from contextvars import ContextVar

from opentelemetry import context, metrics, trace
from opentelemetry._logs import LoggerProvider
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from vitals.telemetry.logs.log_values import Attribute, attribute_of, attributes_of, exception_attributes_of, text_of
from vitals.telemetry.requests.exception_origin import origin

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What each record has, or a formatter adds; anything else came by `extra`."""

_EVENT_NAMES = ("otel.event.name", "event.name")

_reading: ContextVar[bool] = ContextVar("reading a log record", default=False)
_sending: ContextVar[bool] = ContextVar("sending a log record", default=False)


def reads_a_record() -> bool:
    """Whether a record is being read here: what its values log about that is not the application's doing."""
    return _reading.get()


class _Translator(LoggingHandler):
    """Contrib's, which `logging` tells to flush whenever it is configured anew: the provider's end is when that matters."""

    def flush(self) -> None:
        """Nothing is held."""


class OtlpHandler:
    """Sends records to an OpenTelemetry provider. It never raises, and never sends what sending logs."""

    def __init__(self, provider: LoggerProvider) -> None:
        self._code = os.environ.get("OTEL_PYTHON_LOG_CODE_ATTRIBUTES", "").strip().lower() == "true"
        self._handler = _Translator(logger_provider=provider, log_code_attributes=self._code)
        self._lost = metrics.get_meter("vitals").create_counter(
            "vitals.logs.lost", unit="{record}", description="Log records that could not be handed over; error.type says why."
        )

    def take(self, record: logging.LogRecord, *, said: bool) -> None:
        """Send it. `said`: a handler of the application had it too, and says what is wrong with it."""
        if _sending.get() or _telemetrys_own(record):
            return
        sending = _sending.set(True)
        try:
            plain = self._plain(record, said)
            if record.exc_info:
                with _in_its_span(record.exc_info[1]):
                    self._handler.emit(plain)
            else:
                self._handler.emit(plain)
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            self._lose(record, wrong)
        finally:
            _sending.reset(sending)

    def _plain(self, record: logging.LogRecord, said: bool) -> logging.LogRecord:
        reading = _reading.set(True)
        try:
            extra = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
            fields: dict[str, Attribute] = attributes_of(extra)
            for name in _EVENT_NAMES:
                if fields.get(name) is not None:
                    fields[name] = text_of(fields[name])
            if record.exc_info:
                fields |= exception_attributes_of(record.exc_info)
            # Not made anew: that asks for the time, the thread and the task, which nobody reads here.
            plain = logging.LogRecord.__new__(logging.LogRecord)
            plain.__dict__ = {
                **fields,
                "name": text_of(record.name),
                "levelno": record.levelno,
                "levelname": text_of(record.levelname),
                "created": record.created,
                "msg": self._message(record, said),
                "args": None,
                "exc_info": None,
            }
            if self._code:
                for name in ("pathname", "funcName", "lineno"):
                    setattr(plain, name, attribute_of(getattr(record, name)))
            return plain
        finally:
            _reading.reset(reading)

    def _message(self, record: logging.LogRecord, said: bool) -> str:
        try:
            return text_of(record.getMessage())
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            if not said:
                self._complain(record)
            return f"{text_of(record.msg)} [not formatted: {type(wrong).__name__}: {text_of(wrong)}]"

    def _complain(self, record: logging.LogRecord) -> None:
        """Say on stderr what is raised now, as `logging` does."""
        with contextlib.suppress(Exception):
            self._handler.handleError(record)

    def _lose(self, record: logging.LogRecord, wrong: BaseException) -> None:
        self._complain(record)
        with contextlib.suppress(Exception):
            self._lost.add(1, {"error.type": type(wrong).__name__})


def _telemetrys_own(record: logging.LogRecord) -> bool:
    """Whether exporting itself logs it, here or in the HTTP client below: it would feed itself."""
    return not is_instrumentation_enabled() or str(record.name).startswith("opentelemetry.")


@contextlib.contextmanager
def _in_its_span(raised: BaseException | None) -> Iterator[None]:
    """The current span; where there is none, the one in which the logged exception was raised."""
    where = None
    if raised is not None and not trace.get_current_span().get_span_context().is_valid:
        where = origin(raised)
    if where is None:
        yield
        return
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(where)))
    try:
        yield
    finally:
        context.detach(token)
