"""docs/kql.md's queries, and those of Kibana's searches and charts, on a real Elasticsearch with real traffic in it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from vitals.checkout import ROOT
from vitals.provisioning.kibana_objects import data_views, saved_objects

from ..kql import Query, fields, parse, to_elasticsearch
from .alerts import fire, history
from .conftest import BREAKS_THE_MODEL, ROW, Stack, eventually

UNSURE = {"sepal_length": 6.0, "sepal_width": 2.8, "petal_length": 4.9, "petal_width": 1.6}
"""Between two classes: the example model gives it less than 0.6."""

VIEWS = {view["id"]: view["title"] for view in data_views("http://grafana", "7d")}
OBJECTS = saved_objects()


@dataclass(frozen=True)
class Row:
    """One line of the cheat sheet."""

    view: str
    query: str
    may_be_empty: bool


def _rows() -> Iterator[Row]:
    for section in (ROOT / "docs" / "kql.md").read_text().split("\n## ")[1:]:
        view = re.search(r"Data view \*.+?\* \(`(.+?)`\)", section)
        lines = re.findall(r"^\| [^|]+ \| `(.+)` \|(.*)\|$", section, re.MULTILINE)
        assert bool(view) == bool(lines), section[:80]
        for query, remark in lines:
            assert view
            yield Row(view[1], query, "finds nothing" in remark)


ROWS = list(_rows())


@dataclass(frozen=True)
class Searched:
    """An Elasticsearch with traffic in it, and the values of that traffic that the sheet has placeholders for."""

    stack: Stack
    values: Mapping[str, str]
    types: Mapping[str, Mapping[str, str]]

    def query(self, view: str, kql: str) -> Query:
        for name, value in self.values.items():
            kql = kql.replace(name, value)
        return to_elasticsearch(parse(kql), self.types[view])

    def ask(self, view: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.stack.stores.elasticsearch.post(
            f"/{VIEWS[view]}/_search", params={"ignore_unavailable": "true"}, json={"track_total_hits": True, **body}
        )
        assert answer.is_success, answer.text
        content: dict[str, Any] = answer.json()
        assert content["_shards"]["failed"] == 0, content
        return content

    def found(self, view: str, kql: str) -> int:
        return int(self.ask(view, {"size": 0, "query": self.query(view, kql)})["hits"]["total"]["value"])


def _types(stack: Stack, index: str) -> dict[str, str]:
    """Each field's type, as Kibana asks for it."""
    answer = stack.stores.elasticsearch.get(f"/{index}/_field_caps", params={"fields": "*", "ignore_unavailable": "true"})
    return {name: next(iter(kinds)) for name, kinds in answer.raise_for_status().json()["fields"].items()}


@pytest.fixture(scope="module")
def searched(stack: Stack, log_file: Path) -> Searched:
    """Every kind of request once; one has several rows, and so has its batch."""
    trace_id = secrets.token_hex(16)
    traced = stack.predict(headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}).json()
    unsure = stack.predict(UNSURE).json()
    assert unsure["confidence"] < 0.6
    for row in ({**ROW, "petal_width": "wide"}, BREAKS_THE_MODEL):
        stack.predict(row)
    httpx.get(f"{stack.url}/no/such/path", timeout=30)
    httpx.post(f"{stack.url}/predict", json={"instances": [ROW] * 3}, timeout=30).raise_for_status()
    with log_file.open("a") as lines:
        lines.write("2026-11-21 10:00:00 INFO an order was placed\n")
    last = stack.predict().json()["trace_id"]
    stack.follow(last)

    [server] = [span for span in stack.follow(trace_id).elasticsearch_spans if span.kind == "SERVER"]
    assert server.instance
    about = {"ml_model_name": "iris", "ml_model_version": server.attributes["ml.model.version"], "ml_feature_name": "petal_width"}
    fire(stack, "FeatureDrift", datetime.now(UTC), **about)
    [alert, *_] = eventually(lambda: history(stack, "FeatureDrift"), why="the alert is in the history")
    values = {
        "FINGERPRINT": alert["attributes"]["alert.fingerprint"],
        "TRACE_ID": trace_id,
        "PREDICTION_ID": traced["prediction_id"],
        "MODEL_VERSION": server.attributes["ml.model.version"],
        "INSTANCE_ID": server.instance,
    }
    return Searched(stack, values, {view: _types(stack, index) for view, index in VIEWS.items()})


def test_the_sheet_has_queries_for_every_data_view() -> None:
    assert {row.view for row in ROWS} == set(VIEWS)
    assert len(ROWS) > 40
    assert sum(not row.may_be_empty for row in ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.view.removeprefix('vitals-')}: {row.query}")
def test_a_query_of_the_sheet_finds_something(searched: Searched, row: Row) -> None:
    if row.may_be_empty:
        searched.found(row.view, row.query)
    else:
        eventually(lambda: searched.found(row.view, row.query), why=row.query)


def test_the_sheets_fields_are_fields_of_the_index(searched: Searched) -> None:
    unknown = {
        (row.view, name)
        for row in ROWS
        for name in fields(parse(row.query))
        if searched.types[row.view] and name not in searched.types[row.view]
    }
    assert not unknown


def test_a_query_finds_no_more_than_it_says(searched: Searched) -> None:
    """A translator that loses a condition would find something everywhere."""

    def hits(view: str, kql: str) -> list[dict[str, Any]]:
        found = searched.ask(view, {"size": 1000, "query": searched.query(view, kql)})["hits"]["hits"]
        return [hit["_source"] for hit in found]

    assert {log["trace_id"] for log in hits("vitals-logs", 'trace_id : "TRACE_ID"')} == {searched.values["TRACE_ID"]}
    refused = hits("vitals-logs", 'event_name : "ml.validation.failed"')
    assert {log["event_name"] for log in refused} == {"ml.validation.failed"}
    unsure = hits("vitals-logs", 'event_name : "ml.prediction" and ml.prediction.confidence < 0.6')
    assert all(log["attributes"]["ml.prediction.confidence"] < 0.6 for log in unsure)
    wrong = hits("vitals-traces", 'kind : "Server" and http.response.status_code >= 400 and http.response.status_code < 500')
    assert {span["attributes"]["http.response.status_code"] for span in wrong} == {404, 422}
    assert not any(log.get("trace_id") for log in hits("vitals-logs", "not trace_id : *"))


SAVED = [one for one in OBJECTS if one["type"] == "search"]
CHARTS = [one for one in OBJECTS if one["type"] == "lens"]


@pytest.mark.parametrize("search", SAVED, ids=lambda one: one["id"])
def test_a_saved_search_finds_something_and_its_columns_are_fields(searched: Searched, search: dict[str, Any]) -> None:
    attributes, view = search["attributes"], search["references"][0]["id"]
    kql = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
    shown = {*attributes["columns"], *(name for name, _ in attributes["sort"]), attributes.get("breakdownField", "message")}
    assert shown <= set(searched.types[view])
    if search["id"] == "vitals-slow-predictions":  # nothing is that slow: the same with a lower bound
        kql = kql.replace("100000000", "1000000")
    eventually(lambda: searched.found(view, kql), why=kql)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda one: one["id"])
def test_a_chart_has_data(searched: Searched, chart: dict[str, Any]) -> None:
    """Each column as the aggregation that Lens makes of it."""
    state, view = chart["attributes"]["state"], chart["references"][0]["id"]
    [layer] = state["datasourceStates"]["formBased"]["layers"].values()
    aggregations = {name: made for name, column in layer["columns"].items() if (made := _aggregation(column))}
    query = searched.query(view, state["query"]["query"])

    def drawn() -> bool:
        answer = searched.ask(view, {"size": 0, "query": query, "aggs": aggregations})
        made = answer.get("aggregations", {})
        return answer["hits"]["total"]["value"] > 0 and all(
            one.get("buckets") or any(value is not None for value in one.get("values", {}).values()) for one in made.values()
        )

    eventually(drawn, why=chart["id"])


def _aggregation(column: dict[str, Any]) -> dict[str, Any] | None:
    field = {"field": column["sourceField"]}
    match column["operationType"]:
        case "count":
            return None
        case "date_histogram":
            return {"date_histogram": {**field, "fixed_interval": "1m"}}
        case "terms":
            return {"terms": {**field, "size": column["params"]["size"]}}
        case "percentile":
            return {"percentiles": {**field, "percents": [column["params"]["percentile"]]}}
        case "range":
            return {"histogram": {**field, "interval": 0.05}}
    raise AssertionError(column["operationType"])
