"""Stub."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

current: ContextVar[Any] = ContextVar("application", default=None)


def enter(telemetry: Any) -> Token[Any]:
    """Enter."""
    return current.set(telemetry)


def leave(token: Token[Any]) -> None:
    """Leave."""
    current.reset(token)
