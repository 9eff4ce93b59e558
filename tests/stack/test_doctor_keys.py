"""Keys that come twice and names that become one label, sent to the whole stack: all is stored, and the doctor names whose."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ..faults.control_load import a_client, collector, documents
from ..faults.malformed_otlp import attributes, counter, link, log, point, span
from .conftest import Stack, eventually

pytestmark = pytest.mark.slow


def both(key: str, *values: Any) -> list[dict[str, Any]]:
    """The same key, so many times."""
    return [one for value in values for one in attributes({key: value})]


def with_map(key: str, *values: Any) -> list[dict[str, Any]]:
    """An attribute `order` that is a map with a key so many times."""
    return [{"key": "order", "value": {"kvlistValue": {"values": both(key, *values)}}}]


def told(stack: Stack, service: str) -> str:
    """What the doctor says of that service's keys; empty where it says nothing."""
    findings = json.loads(stack.vitals("doctor", "--json").stdout)["findings"]
    return " ".join(one["sentence"] for one in findings if one["check"] == "keys" and one["figures"].get("service") == service)


@pytest.mark.timeout(300)
def test_a_key_that_comes_twice_costs_no_record_and_is_told(stack: Stack) -> None:
    client = a_client(stack, "sends-keys-twice")
    refused = collector(stack, "otelcol_elasticsearch_docs_processed", http_response_status_code="400")
    counted = {
        one: collector(stack, f"otelcol_processor_filter_{one}_filtered", filter="filter/merged") for one in ("logs", "spans")
    }
    records = [
        {**log(), "attributes": both("user", "a", "b")},
        {**log(), "attributes": with_map("id", 1, 2)},
        {**log(), "attributes": with_map("id", 1, 1)},
        {**log(), "body": {"kvlistValue": {"values": both("said", "a", "b")}}},
    ]
    clean = [
        {**log(), "attributes": attributes({"team": "a", "team.name": "b", "team.name.first": "c"})},
        {**log(), "attributes": attributes({"team.name": "b", "team": {"name": "c", "size": 1}})},
        {**log({"team": "a", "team.name": "b"})},
    ]
    event = {"name": "e", "timeUnixNano": str(time.time_ns()), "attributes": with_map("id", 1, 2)}
    spans = [
        {**span(), "attributes": with_map("id", 1, 2)},
        {**span(), "events": [event]},
        {**span(), "links": [{**link(), "attributes": both("seen", 1, 2)}]},
    ]
    client.must_send("logs", *records, *clean)
    client.must_send("traces", *spans)
    found = eventually(
        lambda: documents(stack, client),
        lambda found: len(found) == len(records) + len(clean) + 1,
        why="each record and event",
        within=90,
    )
    eventually(lambda: documents(stack, client, "traces-*"), lambda found: len(found) == len(spans), within=90, why="each span")
    assert collector(stack, "otelcol_elasticsearch_docs_processed", http_response_status_code="400") == refused
    assert {"b"} == {one["attributes"]["user"] for one in found if "user" in one["attributes"]}, "the last value"
    for signal, merged in (("logs", len(records)), ("spans", 2)):
        now = collector(stack, f"otelcol_processor_filter_{signal}_filtered", filter="filter/merged")
        assert now - counted[signal] == merged
    sentence = eventually(lambda: told(stack, client.name), within=90, why="the doctor names it")
    assert sentence.startswith("sends-keys-twice sends a key twice in one map: ")
    assert "(6 documents in the last 5 min). The last value is kept" in sentence


@pytest.mark.timeout(300)
def test_names_that_become_one_label_are_told(stack: Stack) -> None:
    client = a_client(stack, "merges-labels")
    one, other = point(1.0), point(2.0)
    one["attributes"] = attributes({"user.id": "7", "user_id": "8"})
    other["attributes"] = both("a", "1", "2")
    client.must_send("metrics", counter("odd_merged", one), counter("odd_twice", other))
    asked = '{job="merges-labels", __name__=~"odd_.+"}'
    stored = [json.loads(labels) for labels in eventually(lambda: stack.query(asked), lambda found: len(found) == 2)]
    assert {(labels.get("user_id"), labels.get("a")) for labels in stored} == {("7;8", None), (None, "1;2")}
    sentence = eventually(lambda: told(stack, client.name), within=90, why="the doctor names it")
    assert "on odd_merged_total, odd_twice_total: a, user_id have the values of both, joined by `;`" in sentence
