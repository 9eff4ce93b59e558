"""One tracer, meter or logger for each instrumentation scope, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Made = TypeVar("Made")


def of_scope(made: dict[Any, Made], make: Callable[..., Made], *scope: Any) -> Made:
    """The one of this scope (name, version, schema URL, attributes), which `make` makes the first time."""
    *_, attributes = scope
    key: Any = scope if attributes is None else InstrumentationScope(*scope)  # attributes can't be hashed by themselves
    try:
        return made[key]
    except KeyError:
        return made.setdefault(key, make(*scope))
