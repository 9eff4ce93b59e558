"""A key that an attribute map has twice, on the real Collector: each map has it once afterwards, and the item says so."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vitals.settings.stack import StackSettings

from .test_collector_at_work import DOCUMENT_ID, TRACE

MARK = "vitals.keys_before_merge"
PLACES = ("log", "body", "resource", "scope", "span", "event")
PIPELINES = {"logs": "logs/elasticsearch", "traces": "traces/jaeger"}


@pytest.fixture
def collector(run_collector: Callable[..., Any]) -> Iterator[Any]:
    to_files = ["logs/elasticsearch", "traces/elasticsearch", "traces/jaeger"]
    with run_collector(StackSettings.load(metrics_backend="none"), to_files) as running:
        yield running


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def pair(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": value if isinstance(value, dict) else {"intValue": str(value)}}


def entries(*pairs: dict[str, Any]) -> dict[str, Any]:
    return {"kvlistValue": {"values": list(pairs)} if pairs else {}}


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


def group(where: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """A resource with one item whose attributes, in one place, are these."""
    now = str(time.time_ns())
    resource: dict[str, Any] = {"attributes": [pair("service.name", text("tested"))]}
    scope: dict[str, Any] = {"name": "t"}
    item: dict[str, Any] = {"timeUnixNano": now, "body": text("said")}
    if where in ("span", "event"):
        item = {"traceId": TRACE, "spanId": secrets.token_hex(8), "startTimeUnixNano": now, "endTimeUnixNano": now}
    match where:
        case "resource":
            resource["attributes"] += found
        case "scope":
            scope["attributes"] = found
        case "body":
            item["body"] = entries(*found)
        case "event":
            item["events"] = [{"name": "e", "timeUnixNano": now, "attributes": found}]
        case _:
            item["attributes"] = found
    [scopes, items] = ("scopeSpans", "spans") if "spanId" in item else ("scopeLogs", "logRecords")
    return {"resource": resource, scopes: [{"scope": scope, items: [item]}]}


def there(where: str, of_resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The attributes of that place."""
    [of_scope] = of_resource.get("scopeLogs") or of_resource["scopeSpans"]
    [item] = of_scope.get("logRecords") or of_scope["spans"]
    places: dict[str, Callable[[], Any]] = {
        "resource": lambda: of_resource["resource"]["attributes"],
        "scope": lambda: of_scope["scope"]["attributes"],
        "body": lambda: item["body"]["kvlistValue"]["values"],
        "event": lambda: item["events"][0]["attributes"],
    }
    return list(places.get(where, lambda: item["attributes"])())


def told(where: str, of_resource: dict[str, Any]) -> str:
    """What the item says of its keys: a body is told with its record's attributes, an event with its span's."""
    of_item = there({"body": "log", "event": "span"}.get(where, where), of_resource)
    [found] = [one["value"]["stringValue"] for one in of_item if one["key"] == MARK]
    return str(found)


@pytest.fixture
def through(collector: Any, wait_for: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """Send the groups in one request, and give them as a backend would get them."""
    taken = {"Logs": 0, "Spans": 0}

    def send(*groups: dict[str, Any]) -> list[dict[str, Any]]:
        kind = "Logs" if "scopeLogs" in groups[0] else "Spans"
        signal = "logs" if kind == "Logs" else "traces"
        collector.send(signal, {f"resource{kind}": groups})
        requests = wait_for(lambda: collector.got(PIPELINES[signal])[taken[kind] :])
        taken[kind] += len(requests)
        return [one for request in requests for one in request[f"resource{kind}"]]

    return send


@pytest.mark.timeout(120)
def test_each_map_has_each_key_once_and_the_item_says_so(collector: Any, through: Callable[..., Any]) -> None:
    for where in PLACES:
        out = through(*(group(where, sent) for sent, _ in TWICE.values()))
        for (case, (sent, kept)), one in zip(TWICE.items(), out, strict=True):
            found = [each for each in there(where, one) if each["key"] not in (MARK, "service.name", DOCUMENT_ID)]
            assert sorted(found, key=str) == sorted(kept, key=str), (where, case)  # what was nested may come in another order
            keys = [*(["service.name"] if where == "resource" else []), *(each["key"] for each in sent)]
            first_level = json.dumps(keys, separators=(",", ":"))
            expected = {"body": "body", "event": f"event {first_level}"}.get(where, first_level)
            assert told(where, one) == expected, (where, case)
    assert collector.counter("otelcol_processor_filter_logs_filtered", "filter/merged") == 4 * len(TWICE)
    assert collector.counter("otelcol_processor_filter_spans_filtered", "filter/merged") == 2 * len(TWICE)


def test_what_has_each_key_once_is_left_as_it_is(collector: Any, through: Callable[..., Any]) -> None:
    small = [
        pair("a", 1),
        pair("b", {"doubleValue": 0.5}),
        pair("m", entries(pair("a", 1), pair("l", listed(text("x"), entries())))),
    ]
    small += [pair('b":', text('{"a":1,"a":2}')), pair("c\\", entries(pair("a", 1)))]
    large = [pair("m", entries(*(pair(f"k{number}", number) for number in range(3000))))]
    for where in ("log", "body"):
        [out] = through(group(where, small))
        assert [one for one in there(where, out) if one["key"] != DOCUMENT_ID] == small
    [out] = through(group("log", large))
    [whole] = (one for one in there("log", out) if one["key"] != DOCUMENT_ID)
    assert sorted(one["key"] for one in whole["value"]["kvlistValue"]["values"]) == sorted(f"k{one}" for one in range(3000))
    assert collector.counter("otelcol_processor_filter_logs_filtered", "filter/merged") == 0


def test_a_client_can_not_choose_the_data_stream_by_naming_it_twice(through: Callable[..., Any]) -> None:
    [out] = through(group("resource", [pair("data_stream.dataset", text("alerts")), pair("data_stream.dataset", text("theirs"))]))
    assert [one["key"] for one in there("resource", out)] == ["service.name", MARK]


@pytest.mark.slow
@pytest.mark.parametrize("keys", [100_000, 1])
def test_a_map_of_very_many_keys_costs_no_more_than_its_size(keys: int, through: Callable[..., Any]) -> None:
    """100,000 entries, of different keys or all of one: what grew with the square would take minutes."""
    many = [pair(f"k{number % keys}", text("")) for number in range(100_000)]
    begin = time.monotonic()
    [out] = through(group("log", many))
    assert time.monotonic() - begin < 20
    assert len(there("log", out)) <= 128
