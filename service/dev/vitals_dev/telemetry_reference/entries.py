"""What the rows of the telemetry reference are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "up-down counter", "gauge", "histogram"]
Type = Literal["string", "boolean", "int", "double", "string[]", "double[]", "map"]
Source = Literal["service", "canary", "Collector", "host"]
"""The process that sends it; `host` is the Collector about the machine that it runs on."""


@dataclass(frozen=True)
class Metric:
    """One instrument. attributes: those that its series have between them; in_failure: those that only a failure brings."""

    name: str
    kind: Kind
    unit: str
    attributes: tuple[str, ...]
    meaning: str
    needs: str = ""
    """What a run must have for it to come out at all; empty where every run has it."""
    in_failure: tuple[str, ...] = ()
    source: Source = "service"


@dataclass(frozen=True)
class Span:
    """One kind of span. name: `{method}` and `{route}` stand for the request's own."""

    name: str
    kind: str
    attributes: tuple[str, ...]
    when: str


@dataclass(frozen=True)
class Record:
    """One kind of log record, or of span event. event: its event name, empty for records of `logging`."""

    event: str
    severity: str
    attributes: tuple[str, ...]
    when: str
    source: Source = "service"


@dataclass(frozen=True)
class Attribute:
    """An attribute of any signal, with every type that it is sent with."""

    name: str
    types: tuple[Type, ...]
    meaning: str
