"""Where log records are had: beside the handlers that the application configures, not among them.

A handler on the root logger is removed by the next `dictConfig`, keeps `basicConfig` from doing anything, and silences the
warnings that `logging` prints for an application that configures nothing. So no logger is changed: while an application is
served, `Logger.callHandlers` calls them as before and then hands the record over.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitals.telemetry.logs.log_handler import OtlpHandler, reads_a_record

_SERVERS = frozenset({"uvicorn", "uvicorn.error", "gunicorn.error", "hypercorn.error", "_granian"})
"""Loggers that servers keep from the root logger, and that say how the server fares. Their access logs are not among them."""

_ACCESS = frozenset({"uvicorn.access", "gunicorn.access", "hypercorn.access", "_granian.access", "granian.access"})


class Tap:
    """Takes each record that reaches the root logger, once the application's own handlers had it."""

    def __init__(self, handler: OtlpHandler) -> None:
        self._handler: OtlpHandler | None = handler
        self._before: Callable[[logging.Logger, logging.LogRecord], Any] = logging.Logger.callHandlers
        self._put: Callable[[logging.Logger, logging.LogRecord], Any] = self._wrapped()

    def open(self) -> None:
        """Begin."""
        logging.Logger.callHandlers = self._put  # type: ignore[method-assign,assignment]

    def close(self) -> None:
        """End; the method is as it was. Where another library wrapped it since, ours stays below and does nothing."""
        self._handler = None
        if logging.Logger.callHandlers is self._put:
            logging.Logger.callHandlers = self._before  # type: ignore[method-assign,assignment]

    def _wrapped(self) -> Callable[[logging.Logger, logging.LogRecord], Any]:
        before = self._before

        @functools.wraps(before)
        @_as_of_logging
        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> Any:
            if reads_a_record():
                return None
            try:
                return before(logger, record)
            finally:
                if self._handler is not None:
                    self._take(self._handler, logger, record)

        return call_handlers

    def _take(self, handler: OtlpHandler, logger: logging.Logger, record: logging.LogRecord) -> None:
        said = False
        ancestor: logging.Logger | None = logger
        any_handler = False
        while ancestor is not None:
            for one in ancestor.handlers:
                if _sends_to_opentelemetry(type(one)):  # type: ignore[arg-type]
                    return  # a second one would send the record twice
                any_handler = True
                said |= record.levelno >= one.level and not isinstance(one, logging.NullHandler)
            if not ancestor.propagate and ancestor.parent is not None:
                if ancestor.name not in _SERVERS or logger.name in _ACCESS:
                    return
                break
            ancestor = ancestor.parent
        if not any_handler and logging.lastResort is not None:
            said = record.levelno >= logging.lastResort.level
        handler.take(record, said=said)


def _as_of_logging(function: Any) -> Any:
    """Let `logging` take the function for one of its own, where it leaves those out of the stacks that it prints."""
    function.__code__ = function.__code__.replace(
        co_filename=str(Path(logging.__file__).with_name("(vitals.telemetry.logs.log_tap)"))
    )
    return function


@functools.lru_cache(maxsize=256)
def _sends_to_opentelemetry(kind: type[logging.Handler]) -> bool:
    """Whether it is contrib's handler, or the SDK's old one, which the application or `opentelemetry-instrument` added."""
    return any(base.__name__ == "LoggingHandler" and base.__module__.startswith("opentelemetry.") for base in kind.__mro__)


_tap: Tap | None = None
_changes = threading.Lock()


def open_tap(handler: OtlpHandler) -> bool:
    """Let `handler` take what is logged in this process; False where another one does so already."""
    global _tap
    with _changes:
        if _tap is not None:
            return False
        _tap = Tap(handler)
        _tap.open()
        return True


def close_tap() -> None:
    """End it. A second call does nothing."""
    global _tap
    with _changes:
        if _tap is not None:
            _tap.close()
        _tap = None
