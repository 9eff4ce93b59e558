"""What becomes of a log record: contrib's fields where it is sound, and something that can be sent whatever it holds."""

from __future__ import annotations

import datetime
import decimal
import enum
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk._logs import ReadWriteLogRecord

from vitals.telemetry.logs.log_handler import OtlpHandler
from vitals.telemetry.logs.logging_signal import attach_otlp_handler, detach_otlp_handler

from .log_sink import Processor, Sink, log, sink

__all__ = ["log", "sink"]


def _caught(raised: BaseException) -> Any:
    try:
        raise raised
    except type(raised) as wrong:
        return type(wrong), wrong, wrong.__traceback__


class Colour(enum.IntEnum):
    RED = 1


SOUND: dict[str, Mapping[str, Any]] = {
    "debug": {"levelno": 10, "levelname": "DEBUG"},
    "warning": {"levelno": 30, "levelname": "WARNING", "msg": "%s of %d", "args": ("a", 2)},
    "critical": {"levelno": 50, "levelname": "CRITICAL"},
    "a level of its own": {"levelno": 25, "levelname": "NOTICE"},
    "below all": {"levelno": 5, "levelname": "TRACE"},
    "named arguments": {"msg": "%(a)s", "args": {"a": 1}},
    "no text": {"msg": {"a": None}},
    "an exception": {"exc_info": _caught(ValueError("no stock"))},
    "one without arguments": {"exc_info": _caught(KeyError())},
    "no exception": {"exc_info": (None, None, None)},
    "extra": {"user": "a", "n": 1, "f": 1.5, "yes": True, "none": None, "raw": b"\xff", "list": ["a", 1], "map": {"a": {"b": 1}}},
    "an event": {"otel.event.name": "sold", "event.name": "old"},
    "an old event": {"event.name": "old"},
    "an enumeration": {"colour": Colour.RED},
    "a formatter was here": {"message": "x", "asctime": "y"},
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_record_is_written_as_contribs_handler_writes_it(name: str) -> None:
    fields = {"name": "shop", "levelno": 20, "levelname": "INFO", "msg": "said", "created": 1.7e9, **SOUND[name]}
    contribs, ours = Sink(), Sink()
    LoggingHandler(logger_provider=contribs.provider).emit(logging.makeLogRecord(fields))
    OtlpHandler(ours.provider).take(logging.makeLogRecord(fields), said=True)
    [right], [found] = contribs.records, ours.records
    for field in ("timestamp", "severity_number", "severity_text", "body", "event_name", "trace_id", "span_id"):
        assert getattr(found, field) == getattr(right, field), field
    assert dict(found.attributes) == dict(right.attributes)


def test_where_it_was_logged_is_told_as_contrib_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_LOG_CODE_ATTRIBUTES", "true")
    fields = {"name": "shop", "levelno": 20, "levelname": "INFO", "msg": "x", "pathname": "a.py", "funcName": "f", "lineno": 7}
    contribs, ours = Sink(), Sink()
    LoggingHandler(logger_provider=contribs.provider, log_code_attributes=True).emit(logging.makeLogRecord(fields))
    OtlpHandler(ours.provider).take(logging.makeLogRecord(fields), said=True)
    assert dict(ours.records[0].attributes) == dict(contribs.records[0].attributes)


class Bad:
    def __str__(self) -> str:
        raise RuntimeError("bad text")

    __repr__ = __str__


class Panic(Bad):
    def __str__(self) -> str:
        raise BaseException("as a library in Rust raises it")

    __repr__ = __str__


class BadKeys(dict[Any, Any]):
    def items(self) -> Any:
        raise RuntimeError("bad items")


class Endless(Sequence[Any]):
    def __getitem__(self, _: Any) -> Any:
        return self

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        return iter([self])

    def __str__(self) -> str:
        return "endless"


class BadClass:
    @property
    def __class__(self) -> Any:
        raise RuntimeError("bad class")


LOOP: list[Any] = []
LOOP.append(LOOP)
# Made by the test: pytest looks at the values that it is given.
VALUES: dict[str, Callable[[], Any]] = {
    "bad text": Bad,
    "panic": Panic,
    "bad items": lambda: BadKeys(a=1),
    "endless": Endless,
    "bad class": BadClass,
    "holds itself": lambda: LOOP,
    "no text of its own": object,
    "surrogate": lambda: "\udcff",
    "null": lambda: "a\x00b",
    "bytes": lambda: b"\xff",
    "large": lambda: 2**70,
    "enumeration": lambda: Colour.RED,
    "no number": lambda: float("nan"),
    "set": lambda: {1, 2},
    "odd keys": lambda: {1: 2, None: 3, "": 4, "\udcff": 5},
    "bad within": lambda: {"a": Bad(), "b": [Bad()]},
    "large within": lambda: [None, {"a": 2**70}],
    "time": lambda: datetime.datetime.now(datetime.UTC),
    "decimal": lambda: decimal.Decimal("1.5"),
    "function": lambda: _caught,
    "class": lambda: dict,
    "range": lambda: range(3),
    "exception": lambda: ValueError("x"),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("where", ["argument", "message", "extra", "exception"])
def test_whatever_is_logged_can_be_sent_and_nothing_is_raised(sink: Sink, log: logging.Logger, where: str, name: str) -> None:
    if (where, name) == ("argument", "bad class"):
        pytest.skip("`logging` raises it, without us as well")
    value = VALUES[name]()
    raising, logging.raiseExceptions = logging.raiseExceptions, False
    quiet, log.propagate = log.propagate, True
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [logging.NullHandler()]
    try:
        match where:
            case "argument":
                log.info("a %s", value)
            case "message":
                log.info(value)
            case "extra":
                log.info("x", extra={"it": value})
            case _:
                log.info("x", exc_info=ValueError(value))
    finally:
        root.handlers, log.propagate, logging.raiseExceptions = handlers, quiet, raising
    assert len(sink.records) == 1
    sink.encoded()


@pytest.mark.parametrize("said", [True, False])
def test_what_can_not_be_formatted_is_sent_as_it_can_be_and_said_once(capsys: pytest.CaptureFixture[str], said: bool) -> None:
    sink = Sink()
    record = logging.makeLogRecord({"name": "shop", "msg": "%s %s", "args": (1,), "levelno": 20, "levelname": "INFO"})
    OtlpHandler(sink.provider).take(record, said=said)
    assert sink.bodies == ["%s %s [not formatted: TypeError: not enough arguments for format string]"]
    assert ("--- Logging error ---" in capsys.readouterr().err) is not said


class BreaksDown(Processor):
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:  # noqa: ARG002 - the interface's
        raise RuntimeError("a processor of the application's")


def test_what_can_not_be_handed_over_is_counted_and_said(emitted: Any, capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.makeLogRecord({"name": "shop", "msg": "x", "levelno": 20, "levelname": "INFO"})
    OtlpHandler(Sink(BreaksDown()).provider).take(record, said=True)
    assert [dict(point.attributes) for point in emitted.points("vitals.logs.lost")] == [{"error.type": "RuntimeError"}]
    assert "a processor of the application's" in capsys.readouterr().err


class Logs(Processor):
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:  # noqa: ARG002 - the interface's
        logging.getLogger("shop.processor").warning("while it is sent")


def test_what_sending_logs_is_printed_and_not_sent(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    detach_otlp_handler()
    sink = Sink(Logs())
    attach_otlp_handler(sink.provider)
    try:
        log.warning("once")
    finally:
        detach_otlp_handler()
    assert sink.bodies == ["once"]
    assert caplog.messages == ["once", "while it is sent"]


def test_telemetrys_own_is_not_sent(sink: Sink, log: logging.Logger) -> None:
    logging.getLogger("opentelemetry.sdk").warning("own")
    with suppress_instrumentation():
        log.warning("below an exporter")
    log.warning("the application's")
    assert sink.bodies == ["the application's"]


def test_a_record_belongs_to_the_span_it_is_logged_in(sink: Sink, log: logging.Logger, emitted: Any) -> None:
    with trace.get_tracer("t").start_as_current_span("s") as span:
        log.warning("in it")
    assert sink.records[0].span_id == span.get_span_context().span_id
