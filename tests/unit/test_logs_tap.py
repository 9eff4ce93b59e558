"""Records are had beside the application's handlers; the `logging` module is as it was at the end, whoever else wraps it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.instrumentation.logging.handler import LoggingHandler

from vitals.telemetry.logs.logging_signal import attach_otlp_handler, detach_otlp_handler

from .log_sink import Sink, log, sink

__all__ = ["log", "sink"]

PLAIN = logging.Logger.callHandlers


def test_contribs_handler_on_the_way_sends_it_already(sink: Sink, log: logging.Logger) -> None:
    contribs = LoggingHandler(logger_provider=Sink().provider)
    log.addHandler(contribs)
    try:
        log.warning("twice?")
    finally:
        log.removeHandler(contribs)
    assert sink.bodies == []


def test_logging_is_as_it_was_when_it_ends(log: logging.Logger) -> None:
    detach_otlp_handler()
    assert logging.Logger.callHandlers is PLAIN
    for _ in range(3):
        sink = Sink()
        assert attach_otlp_handler(sink.provider) is not None
        assert attach_otlp_handler(Sink().provider) is None, "once a process"
        log.warning("x")
        assert sink.bodies == ["x"]
        detach_otlp_handler()
        detach_otlp_handler()
        assert logging.Logger.callHandlers is PLAIN


@pytest.mark.parametrize(
    ("names", "logs", "sent"),
    [
        (["uvicorn"], "uvicorn.error", True),
        (["uvicorn"], "uvicorn", True),
        (["uvicorn", "uvicorn.access"], "uvicorn.access", False),
        (["uvicorn"], "uvicorn.access", False),
        (["gunicorn.error"], "gunicorn.error", True),
        (["gunicorn.access"], "gunicorn.access", False),
        (["hypercorn.error"], "hypercorn.error", True),
        (["_granian"], "_granian", True),
        (["granian.access"], "granian.access", False),
        (["shop.orders"], "shop.orders", False),
        (["shop"], "shop.orders", False),
        ([], "shop.orders", True),
    ],
)
def test_propagate_is_heeded_but_for_the_error_logs_of_servers(sink: Sink, names: list[str], logs: str, sent: bool) -> None:
    kept = [logging.getLogger(name) for name in names]
    for one in kept:
        one.propagate = False
    try:
        logging.getLogger(logs).error("said")
    finally:
        for one in kept:
            one.propagate = True
    assert bool(sink.bodies) is sent


def _wrapping(before: Callable[..., Any], seen: list[str]) -> Callable[..., Any]:
    @functools.wraps(before)
    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> Any:
        seen.append(record.getMessage())
        return before(logger, record)

    return call_handlers


def test_another_library_that_wraps_it_too_stays(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    detach_otlp_handler()
    seen: list[str] = []
    sinks = [Sink(), Sink()]
    monkeypatch.setattr(logging.Logger, "callHandlers", logging.Logger.callHandlers)  # put back at the end
    attach_otlp_handler(sinks[0].provider)
    logging.Logger.callHandlers = _wrapping(logging.Logger.callHandlers, seen)  # type: ignore[method-assign]
    log.warning("first")
    detach_otlp_handler()
    log.warning("between")
    attach_otlp_handler(sinks[1].provider)
    log.warning("second")
    detach_otlp_handler()
    log.warning("after")
    assert seen == ["first", "between", "second", "after"]
    assert [sink.bodies for sink in sinks] == [["first"], ["second"]]
