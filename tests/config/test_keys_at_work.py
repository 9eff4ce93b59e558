"""A key that an attribute map has twice, on the real Collector: each map has it once afterwards, and the item says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vitals.settings import StackSettings

from .test_collector_at_work import TRACE

MARK = "vitals.keys_before_merge"
PIPELINES = {"logs": "logs/elasticsearch", "traces": "traces/jaeger"}


@pytest.fixture(scope="module", name="to_file")
def _settings() -> StackSettings:
    return StackSettings.load(metrics_backend="none")


@pytest.fixture
def collector(run_collector: Callable[..., Any], to_file: StackSettings) -> Iterator[Any]:
    with run_collector(to_file, ["logs/elasticsearch", "traces/elasticsearch", "traces/jaeger"]) as running:
        yield running


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def pair(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": value if isinstance(value, dict) else {"intValue": str(value)}}


def entries(*pairs: dict[str, Any]) -> dict[str, Any]:
    return {"kvlistValue": {"values": list(pairs)}}


def listed(*values: dict[str, Any]) -> dict[str, Any]:
    return {"arrayValue": {"values": list(values)}}


TWICE: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "another value": ([pair("a", 1), pair("b", 2), pair("a", 3)], [pair("a", 3), pair("b", 2)]),
    "the same value": ([pair("a", 1), pair("a", 1)], [pair("a", 1)]),
    "three times": ([pair("a", 1), pair("a", 2), pair("a", 3)], [pair("a", 3)]),
    "of another kind": ([pair("a", 1), pair("a", text("x"))], [pair("a", text("x"))]),
    "in a map": ([pair("m", entries(pair("a", 1), pair("a", 2)))], [pair("m", entries(pair("a", 2)))]),
    "in a map, the same value": ([pair("m", entries(pair("a", 1), pair("a", 1)))], [pair("m", entries(pair("a", 1)))]),
    "in a map in a map": (
        [pair("m", entries(pair("n", entries(pair("a", 1), pair("a", 2)))))],
        [pair("m", entries(pair("n", entries(pair("a", 2)))))],
    ),
    "in a map in a list": (
        [pair("m", listed(entries(pair("a", 1), pair("a", 2))))],
        [pair("m", listed(entries(pair("a", 2))))],
    ),
    "two maps": (
        [pair("m", entries(pair("n", entries(pair("a", 1))), pair("n", entries(pair("b", 2)))))],
        [pair("m", entries(pair("n", entries(pair("b", 2)))))],
    ),
    "two empty maps": (
        [pair("m", entries(pair("n", entries()), pair("n", entries())))],
        [pair("m", entries(pair("n", entries())))],
    ),
    "here and in a map": (
        [pair("a", 1), pair("a", 2), pair("m", entries(pair("a", 1), pair("a", 2)))],
        [pair("a", 2), pair("m", entries(pair("a", 2)))],
    ),
}


def requests(where: str, found: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """One item of a signal whose attributes, in one place, are these."""
    name = [pair("service.name", text("tested"))]
    now = str(time.time_ns())
    span = {"traceId": TRACE, "spanId": f"{time.time_ns():016x}"[-16:], "name": "s", "startTimeUnixNano": now, "endTimeUnixNano": now}
    record: dict[str, Any] = {"timeUnixNano": now, "body": text("said")}
    scope: dict[str, Any] = {"name": "t"}
    of_log = where in ("log", "resource", "scope", "body")
    if where == "log":
        record["attributes"] = found
    elif where == "body":
        record["body"] = entries(*found)
    elif where == "scope":
        scope["attributes"] = found
    elif where == "resource":
        name = [*name, *found]
    elif where == "span":
        span["attributes"] = found
    else:
        span["events"] = [{"name": "e", "timeUnixNano": now, "attributes": found}]
    if of_log:
        return "logs", {"resourceLogs": [{"resource": {"attributes": name}, "scopeLogs": [{"scope": scope, "logRecords": [record]}]}]}
    return "traces", {"resourceSpans": [{"resource": {"attributes": name}, "scopeSpans": [{"scope": scope, "spans": [span]}]}]}


def came_out(where: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The attributes of that place again."""
    [of_resource] = request.get("resourceLogs") or request["resourceSpans"]
    [of_scope] = of_resource.get("scopeLogs") or of_resource["scopeSpans"]
    [item] = of_scope.get("logRecords") or of_scope["spans"]
    places: dict[str, Callable[[], Any]] = {
        "resource": lambda: of_resource["resource"]["attributes"],
        "scope": lambda: of_scope["scope"]["attributes"],
        "body": lambda: item["body"]["kvlistValue"]["values"],
        "event": lambda: item["events"][0]["attributes"],
    }
    found: list[dict[str, Any]] = places.get(where, lambda: item["attributes"])()
    return found


PLACES = ("log", "body", "resource", "scope", "span", "event")


def test_each_map_has_each_key_once_and_the_item_says_so(collector: Any, wait_for: Callable[..., Any]) -> None:
    for where in PLACES:
        for case, (sent, kept) in TWICE.items():
            signal, request = requests(where, sent)
            before = len(collector.got(PIPELINES[signal]))
            collector.send(signal, request)
            [one] = wait_for(lambda before=before, signal=signal: collector.got(PIPELINES[signal])[before:])
            print(where, case, json.dumps(came_out(where, one)), json.dumps(kept))
