"""Which applications this process serves, in which order they began, and which of them the running code belongs to.

OpenTelemetry's global providers (routing/) ask `served` for each call. Code that runs in a request or in a lifespan belongs to
that application; any other code to the application that began last and has not ended.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitals.telemetry.providers import Providers
    from vitals.telemetry.runtime import Telemetry

current: ContextVar[Telemetry | None] = ContextVar("vitals_application", default=None)
"""The application whose request or lifespan the running code is part of."""

changing = threading.RLock()
"""Held while applications begin or end, and while something is added that all of them share."""


def _after_fork() -> None:
    global changing
    changing = threading.RLock()  # who held it is not here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_running: list[Telemetry] = []
_reporting: list[Providers] = []
_latest: Providers | None = None


enter: Callable[[Telemetry], Token[Telemetry | None]] = current.set
"""What runs from here on, in this context, is part of that application."""


def leave(token: Token[Telemetry | None]) -> None:
    """End what `enter` began; in a context that was not entered (a generator closed by another task) nothing changes."""
    try:  # noqa: SIM105 - `suppress` costs more than all the rest, with each request
        current.reset(token)
    except ValueError:
        pass


def served() -> Providers:
    """The providers of the application that the running code belongs to.

    Without any application that runs: those of the last, which take everything and send nothing more.
    Raises LookupError where none has begun yet.
    """
    telemetry = current.get()
    if telemetry is not None and (providers := telemetry.providers) is not None:
        return providers
    if _latest is None:
        raise LookupError("no application has begun yet")
    return _latest


def running() -> list[Telemetry]:
    """The applications that have begun and not ended, in the order of their beginning."""
    return list(_running)


def present() -> list[Providers]:
    """The providers of those, in the same order."""
    return [telemetry.providers for telemetry in running() if telemetry.providers is not None]


def reports_the_process(providers: Providers) -> bool:
    """Whether what describes the whole process is reported by these: once a process, by the first that has not ended."""
    return bool(_reporting) and _reporting[0] is providers


def began(telemetry: Telemetry, providers: Providers) -> None:
    """An application begins, with new providers."""
    global _latest
    with changing:
        _running.append(telemetry)
        _reporting.append(providers)
        _latest = providers


def ends(telemetry: Telemetry) -> None:
    """An application takes nothing more in: what belongs to no application goes to another, if one runs."""
    global _latest
    with changing:
        _running.remove(telemetry)
        if _running:
            _latest = _running[-1].providers


def ended(providers: Providers) -> None:
    """An application has made its last report: another reports the process from now on."""
    with changing:
        _reporting.remove(providers)
