"""The telemetry reference and what a service sends are the same, in both directions; the page is as its tables are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vitals.checkout import ROOT
from vitals.profiling.examples import train_example
from vitals_dev.telemetry_reference.attributes import ADDED_BY_COLLECTOR, ATTRIBUTES, RESOURCE
from vitals_dev.telemetry_reference.entries import Metric
from vitals_dev.telemetry_reference.page import METRICS, with_reference
from vitals_dev.telemetry_reference.spans_and_logs import LOGS, SPAN_EVENTS, SPANS

from .otlp_sink import Sink, otlp_sink

TYPES = {
    "string_value": "string", "bool_value": "boolean", "int_value": "int", "double_value": "double", "array_value": "[]",
}  # fmt: skip
EVERY_METRIC = [metric for metrics in METRICS.values() for metric in metrics]
OURS = {metric.name: metric for metric in EVERY_METRIC if metric.source in ("service", "canary")}
OF_A_TEST = {"shop.basket"}
"""What the program gives to a log record of its own."""


@pytest.fixture(scope="module")
def sent(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """What a classifier and a regression model sent, asked in every way."""
    regression = tmp_path_factory.mktemp("regression")
    train_example(regression, "diabetes")
    with otlp_sink() as sink:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        command = [sys.executable, "-m", "tests.unit.telemetry_requests", str(model_folder), str(regression)]
        ended = subprocess.run(
            command, cwd=ROOT, env={**kept, **sink.environment}, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr
        yield sink


def _type(value: Any) -> str:
    kind = str(value.WhichOneof("value"))
    return _type(value.array_value.values[0]) + "[]" if kind == "array_value" else TYPES[kind]


def _types(items: list[Any]) -> dict[str, set[str]]:
    """The types of every attribute that one of these has."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        for one in item.attributes:
            found[one.key].add(_type(one.value))
    return found


def _kind(metric: Any) -> str:
    data = metric.WhichOneof("data")
    return ("counter" if metric.sum.is_monotonic else "up-down counter") if data == "sum" else str(data)


@pytest.mark.slow
def test_every_metric_is_in_the_reference_and_of_its_kind_and_unit(sent: Sink) -> None:
    found = {(one.name, _kind(one), one.unit) for one in sent.metrics}
    assert found == {(one.name, one.kind, one.unit) for one in OURS.values() if one.name not in ONLY_AFTER}
    assert all(OURS[name].needs for name in ONLY_AFTER)


ONLY_AFTER = {"vitals.logs.lost"}
"""Metrics that no run has unless something breaks; tests/unit/test_logs_handler.py breaks it."""


@pytest.mark.slow
@pytest.mark.parametrize("metric", [one for one in OURS.values() if one.name not in ONLY_AFTER], ids=lambda one: one.name)
def test_each_metric_has_the_attributes_of_its_row(sent: Sink, metric: Metric) -> None:
    found = set(_types([one.item for one in sent.points if one.metric == metric.name]))
    assert found - set(metric.in_failure) == set(metric.attributes)


@pytest.mark.slow
def test_every_span_has_the_attributes_of_its_row(sent: Sink) -> None:
    found: defaultdict[str, set[str]] = defaultdict(set)
    rows = {span.name: span for span in SPANS}
    for one in sent.spans:
        name = one.item.name if one.item.name in rows else "{method} {route}"
        assert rows[name].kind == ("SERVER" if one.item.kind == 2 else "INTERNAL")
        found[name] |= set(one.attributes)
    # Each request differs in what it has of HTTP: all of them together have everything.
    of_http = set(rows["{method} {route}"].attributes)
    assert {name: of - of_http for name, of in found.items()} == {
        name: set(span.attributes) - of_http for name, span in rows.items()
    }
    assert {key for of in found.values() for key in of} >= of_http


@pytest.mark.slow
def test_every_event_of_a_span_has_the_attributes_of_its_row(sent: Sink) -> None:
    events = [event for one in sent.spans for event in one.item.events]
    assert {event.name for event in events} == {one.event for one in SPAN_EVENTS}
    for row in SPAN_EVENTS:
        assert set(_types([event for event in events if event.name == row.event])) == set(row.attributes)


@pytest.mark.slow
def test_every_log_record_has_the_attributes_and_the_severity_of_its_row(sent: Sink) -> None:
    rows = {row.event: row for row in LOGS if row.source == "service"}
    records: defaultdict[str, list[Any]] = defaultdict(list)
    for one in sent.logs:
        records[one.item.event_name].append(one.item)
    assert records.keys() == rows.keys()
    for event, row in rows.items():
        assert set(_types(records[event])) - OF_A_TEST == set(row.attributes)
        assert not event or {one.severity_text for one in records[event]} == {row.severity}


@pytest.mark.slow
def test_every_attribute_is_of_the_types_that_its_row_says(sent: Sink) -> None:
    everything = [one.item for one in (*sent.spans, *sent.logs, *sent.points)]
    everything += [event for one in sent.spans for event in one.item.events]
    rows = {one.name: set(one.types) for one in ATTRIBUTES}
    for name, types in _types(everything).items():
        assert name in OF_A_TEST or types == rows.get(name), name


@pytest.mark.slow
def test_every_resource_attribute_is_in_the_reference(sent: Sink) -> None:
    resources = [one.resource for one in (*sent.spans, *sent.logs, *sent.points)]
    assert all(resource.keys() == {one.name for one in RESOURCE} for resource in resources)


def test_no_row_is_there_twice_and_every_attribute_of_a_row_is_described() -> None:
    for names in ([one.name for one in EVERY_METRIC], [one.name for one in ATTRIBUTES], [one.name for one in SPANS]):
        assert len(names) == len(set(names))
    used = {key for one in (*EVERY_METRIC, *SPANS, *SPAN_EVENTS, *LOGS) for key in one.attributes}
    assert used == {one.name for one in ATTRIBUTES}


def test_the_alert_record_and_the_collectors_attributes_are_what_its_configuration_sets() -> None:
    [row] = [row for row in LOGS if row.event == "alert"]
    alerts = (ROOT / "otel-collector/inputs/alerts.yaml").read_text()
    assert f'set(log.event_name, "{row.event}")' in alerts
    assert set(re.findall(r'set\(log\.attributes\["([^"]+)"\]', alerts)) == set(row.attributes)
    config = (ROOT / "otel-collector/config.yaml").read_text()
    assert set(re.findall(r'attributes\["(vitals\.[a-z._]+)"\]', config)) == {one.name for one in ADDED_BY_COLLECTOR}


def test_the_page_is_as_the_tables_are() -> None:
    """`make telemetry` writes it."""
    page = (ROOT / "docs/telemetry.md").read_text()
    assert with_reference(page) == page
