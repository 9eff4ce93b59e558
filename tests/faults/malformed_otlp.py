"""What a client of its own sends as OTLP: items of any size, time and form, which no SDK would let through."""

from __future__ import annotations

import json
import math
import secrets
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2 as httpx

SECOND = 10**9
HOUR = 3600 * SECOND
_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
Signal = Literal["traces", "logs", "metrics"]


def value(content: Any) -> dict[str, Any]:
    """A value as OTLP's JSON writes it."""
    match content:
        case bool():
            return {"boolValue": content}
        case int():
            return {"intValue": str(content)}
        case float():
            return {"doubleValue": content if math.isfinite(content) else _WORDS[str(content)]}
        case list():
            return {"arrayValue": {"values": [value(one) for one in content]}}
        case dict():
            return {"kvlistValue": {"values": attributes(content)}}
        case _:
            return {"stringValue": content}


def attributes(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP's JSON writes them."""
    return [{"key": name, "value": value(one)} for name, one in content.items()]


sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))  # json writes what `nested` makes by calling itself


def nested(depth: int) -> dict[str, Any]:
    """An object in an object, so many times."""
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"k": found}
    return found


def log(body: Any = "odd", at: int | None = None, **more: Any) -> dict[str, Any]:
    """A log record; `more` are attributes, with `__` for the dots in their names."""
    named = {name.replace("__", "."): one for name, one in more.items()}
    return {"timeUnixNano": str(time.time_ns() if at is None else at), "body": value(body), "attributes": attributes(named)}


def span(at: int | None = None, end: int | None = None, **more: Any) -> dict[str, Any]:
    """A SERVER span of a millisecond."""
    begin = time.time_ns() if at is None else at
    return {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": "odd",
        "kind": 2,
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + 1_000_000 if end is None else end),
        "attributes": attributes({name.replace("__", "."): one for name, one in more.items()}),
    }


def link(**more: Any) -> dict[str, Any]:
    """A link to a span of nobody's, with these attributes."""
    return {"traceId": secrets.token_hex(16), "spanId": secrets.token_hex(8), "attributes": attributes(more)}


def gauge(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    """A gauge with these points."""
    return {"name": name, "gauge": {"dataPoints": list(points)}}


def counter(name: str, *points: dict[str, Any], delta: bool = False) -> dict[str, Any]:
    """A monotonic sum with these points."""
    return {"name": name, "sum": {"dataPoints": list(points), "isMonotonic": True, "aggregationTemporality": 1 if delta else 2}}


def point(number: float = 1.0, at: int | None = None, **labels: Any) -> dict[str, Any]:
    """A point of a gauge or a sum."""
    return {"timeUnixNano": str(time.time_ns() if at is None else at), "asDouble": number, "attributes": attributes(labels)}


@dataclass
class Client:
    """A client under a name of its own; `sent` counts its items by signal."""

    url: str
    name: str
    sent: dict[Signal, int] = field(default_factory=dict)

    def resource(self, **more: Any) -> dict[str, Any]:
        """Who it is."""
        return {"attributes": attributes({"service.name": self.name, "service.instance.id": self.name, **more})}

    def send(self, signal: Signal, *items: dict[str, Any], **resource: Any) -> httpx.Response:
        """Send log records, spans or metrics in one request; returns the answer, whatever it is."""
        whose = self.resource(**resource)
        content = {
            "logs": {"resourceLogs": [{"resource": whose, "scopeLogs": [{"logRecords": items}]}]},
            "traces": {"resourceSpans": [{"resource": whose, "scopeSpans": [{"spans": items}]}]},
            "metrics": {"resourceMetrics": [{"resource": whose, "scopeMetrics": [{"metrics": items}]}]},
        }[signal]
        said = httpx.post(
            f"{self.url}/v1/{signal}", content=json.dumps(content), headers={"content-type": "application/json"}, timeout=60
        )
        if said.is_success:
            self.sent[signal] = self.sent.get(signal, 0) + len(items)
        return said

    def must_send(self, signal: Signal, *items: dict[str, Any], **resource: Any) -> None:
        """Send, and fail where the Collector does not take it."""
        self.send(signal, *items, **resource).raise_for_status()
