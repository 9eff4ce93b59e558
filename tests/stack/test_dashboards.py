"""Every query of every panel, against real engines after real traffic, filled in as Grafana fills it in."""

from __future__ import annotations

import json
import math
import time
from functools import partial
from typing import Any

import httpx2 as httpx
import pytest
import yaml

from vitals.checkout import ROOT
from vitals_dashboards import filled

from .conftest import Stack, eventually
from .dashboard_traffic import traffic

__all__ = ["traffic"]

DASHBOARDS = [json.loads(file.read_text()) for file in sorted((ROOT / "prom-graf" / "grafana" / "dashboards").glob("*.json"))]
INDICES = {"elasticsearch-logs": "logs-*", "elasticsearch-traces": "traces-*"}
MINUTES = 60

EMPTY_WITHOUT_TROUBLE = {
    ("vitals-pipeline", "Alerts of the pipeline and of the host"): "these tests bring about alerts of the service and the model",
}
"""Panels that may be empty while all is well, with the reason. What counts trouble shows 0 until there is some; alerts do not."""

DEPEND_ON_THE_KERNEL = {
    ("vitals-host", "Pressure"): "the kernel was built, or started, without pressure stall information",
    ("vitals-host", "Disk traffic"): "the machine has no block device of its own, as in some sandboxes",
    ("vitals-host", "Disk time"): "the same",
}
"""Panels that some machines have nothing for; asked all the same, since a query that is wrong must be refused by the engine."""


def _every(kind: str) -> list[Any]:
    """Panels with queries to Prometheus (`promql`) or to Elasticsearch (`lucene`), as parameters."""
    return [
        pytest.param(board, panel, id=f"{board['uid']}-{panel['id']}-{panel['title']}")
        for board in DASHBOARDS
        for panel in filled.panels(board)
        if ("expr" in panel["targets"][0]) == (kind == "promql")
    ]


@pytest.fixture(scope="module")
def values(stack: Stack, traffic: None) -> dict[str, filled.Chosen]:
    """Each dashboard's variables with "All" chosen, derived as Grafana does."""

    def label_values(selector: str, label: str) -> list[str]:
        asked = {"match[]": selector, "start": time.time() - 30 * MINUTES, "end": time.time()}
        found: list[str] = (
            stack.stores.prometheus.get(f"/api/v1/label/{label}/values", params=asked).raise_for_status().json()["data"]
        )
        return found

    def all_found() -> dict[str, filled.Chosen]:
        return {board["uid"]: filled.values(board, label_values) for board in DASHBOARDS}

    def complete(found: dict[str, filled.Chosen]) -> bool:
        everything = all(found_values for chosen in found.values() for found_values in chosen.values())
        return everything and len(found["vitals-model"]["model"]) == 3

    found: dict[str, filled.Chosen] = eventually(all_found, complete, within=60, why="every variable has values, of three models")
    return found


def _range(stack: Stack, promql: str) -> list[dict[str, Any]]:
    now = time.time()
    answer = stack.stores.prometheus.post(
        "/api/v1/query_range", data={"query": promql, "start": now - 5 * MINUTES, "end": now, "step": 10}
    ).json()
    assert answer["status"] == "success", f"{promql}: {answer.get('error')}"
    series: list[dict[str, Any]] = answer["data"]["result"]
    return series


def _has_a_number(series: list[dict[str, Any]]) -> bool:
    return any(not math.isnan(float(value)) for one in series for _, value in one["values"])


@pytest.mark.parametrize(("board", "panel"), _every("promql"))
def test_every_query_to_prometheus_has_data(
    stack: Stack, values: dict[str, filled.Chosen], board: dict[str, Any], panel: dict[str, Any]
) -> None:
    for query in panel["targets"]:
        promql = filled.promql(query["expr"], values[board["uid"]])
        if (board["uid"], panel["title"]) in {**EMPTY_WITHOUT_TROUBLE, **DEPEND_ON_THE_KERNEL}:
            _range(stack, promql)
            continue
        eventually(partial(_range, stack, promql), _has_a_number, within=90, why=f"data for {promql}")


@pytest.mark.parametrize(
    "board", [one for one in DASHBOARDS if "list" in one["annotations"]], ids=lambda board: str(board["uid"])
)
def test_alerts_that_fire_are_marked(stack: Stack, values: dict[str, filled.Chosen], board: dict[str, Any]) -> None:
    [marks] = board["annotations"]["list"]
    eventually(partial(_range, stack, marks["expr"]), _has_a_number, within=90, why="an alert that this traffic brings about")


@pytest.mark.parametrize(
    ("board", "panel"), [one for one in _every("promql") if any(query.get("exemplar") for query in one.values[1]["targets"])]
)
def test_every_latency_panel_has_exemplars_with_a_trace(
    stack: Stack, values: dict[str, filled.Chosen], board: dict[str, Any], panel: dict[str, Any]
) -> None:
    for query in panel["targets"]:
        if not query.get("exemplar"):
            continue
        promql = filled.promql(query["expr"], values[board["uid"]])
        ids = eventually(partial(_exemplars, stack, promql), within=60, why=f"exemplars for {promql}")
        eventually(partial(stack.stores.jaeger_spans, ids[0]), why="Jaeger has an exemplar's trace")


def _exemplars(stack: Stack, promql: str) -> list[str]:
    now = time.time()
    asked = {"query": promql, "start": now - 5 * MINUTES, "end": now}
    answer = stack.stores.prometheus.post("/api/v1/query_exemplars", data=asked).raise_for_status().json()["data"]
    return [one["labels"]["trace_id"] for series in answer for one in series["exemplars"]]


@pytest.mark.parametrize(("board", "panel"), _every("lucene"))
def test_every_query_to_elasticsearch_has_hits_for_the_reader(
    stack: Stack, values: dict[str, filled.Chosen], board: dict[str, Any], panel: dict[str, Any]
) -> None:
    for query in panel["targets"]:
        lucene = filled.lucene(query["query"], values[board["uid"]])
        index = INDICES[query["datasource"]["uid"]]
        found = eventually(
            partial(_search, stack, query, index, lucene),
            lambda found: found["hits"]["total"]["value"] > 0,
            within=60,
            why=f"documents for {lucene}",
        )
        if panel["type"] == "logs":
            documents = [hit["_source"] for hit in found["hits"]["hits"]]
            if "event_name:alert" not in lucene:
                assert any(document.get("trace_id") for document in documents), "the links hang on trace_id"
            assert all(document["body"]["text"] for document in documents), "the line that is shown"
            assert all(hit["fields"]["@timestamp"] for hit in found["hits"]["hits"])
        else:
            [buckets] = [aggregation["buckets"] for aggregation in found["aggregations"].values()]
            newest = [bucket["1"]["value"] for bucket in buckets if bucket["1"]["value"]][-1]
            assert time.time() * 1000 - newest < 5 * MINUTES * 1000


def _search(stack: Stack, query: dict[str, Any], index: str, lucene: str) -> dict[str, Any]:
    """As Grafana asks: one search of a multi-search, with the reader's password."""
    now = int(time.time() * 1000)
    body = filled.elasticsearch_body(query, lucene, now - 30 * MINUTES * 1000, now + MINUTES * 1000)
    lines = json.dumps({"ignore_unavailable": True, "index": index}) + "\n" + json.dumps(body) + "\n"
    as_lines = {"content-type": "application/x-ndjson"}
    # The first search of all, with highlights in every field, takes seconds on a busy machine.
    answer = stack.stores.elasticsearch.post("/_msearch", content=lines, headers=as_lines, timeout=60)
    [one] = answer.raise_for_status().json()["responses"]
    assert "error" not in one, one
    found: dict[str, Any] = one
    return found


_DIFFERENCES = {"sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [{"asDouble": 1}]}}
_CONTRADICTION = {"count": "5", "sum": 1, "scale": 0, "positive": {"offset": 0, "bucketCounts": ["1"]}}


@pytest.mark.parametrize(
    ("title", "metric"),
    [
        ("Dropped and cut by the bounds", _DIFFERENCES),
        ("Not taken for a backend", {"exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [_CONTRADICTION]}}),
    ],
    ids=["bounds", "backend"],
)
def test_what_is_not_stored_is_seen(
    stack: Stack, values: dict[str, filled.Chosen], title: str, metric: dict[str, dict[str, Any]]
) -> None:
    """The panels show 0 until there is some; here there is some: differences, and a histogram that contradicts itself."""
    [kind] = metric
    [point] = metric[kind]["dataPoints"]
    timed = {**point, "timeUnixNano": str(time.time_ns())}
    odd = {"name": f"odd_{kind}", kind: {**metric[kind], "dataPoints": [timed]}}
    httpx.post(
        f"http://127.0.0.1:{stack.settings.otlp_http_port}/v1/metrics",
        json={"resourceMetrics": [{"scopeMetrics": [{"metrics": [odd]}]}]},
        timeout=30,
    ).raise_for_status()
    [board] = [one for one in DASHBOARDS if one["uid"] == "vitals-pipeline"]
    [panel] = [one for one in filled.panels(board) if one["title"] == title]
    queries = [filled.promql(query["expr"], values[board["uid"]]) for query in panel["targets"]]
    eventually(
        lambda: max(float(value) for promql in queries for one in _range(stack, promql) for _, value in one["values"]),
        lambda most: most > 0,
        within=60,
        why="the data point is counted",
    )


def test_the_shares_of_the_answers_make_up_the_whole(stack: Stack, values: dict[str, filled.Chosen]) -> None:
    """A query may have data and still be wrong: answered, refused and failed are all there is."""
    [board] = [one for one in DASHBOARDS if one["uid"] == "vitals-service"]
    parts = {panel["title"]: panel["targets"] for panel in filled.panels(board)}
    queries = [*parts["2xx ratio"], *parts["Errors, 4xx and 5xx apart"]]
    whole = " + ".join(f"({filled.promql(query['expr'], values[board['uid']])})" for query in queries)
    eventually(lambda: stack.query(whole), lambda sums: list(sums.values()) == [pytest.approx(1)], why="the shares add up to 1")
    again = filled.promql(parts["Answered with 2xx"][0]["expr"], values[board["uid"]])
    assert all(0.5 < share < 1 for share in stack.query(again).values()), "seven of ten requests are good ones"


def test_what_is_counted_over_a_time_is_exact_and_has_the_first(stack: Stack, values: dict[str, filled.Chosen]) -> None:
    """The confusion matrix has every label, but for those since the last look at the counters, at most 10 s ago."""
    [board] = [one for one in DASHBOARDS if one["uid"] == "vitals-model"]
    [panel] = [one for one in filled.panels(board) if one["title"] == "Confusion matrix"]
    promql = filled.promql(panel["targets"][0]["expr"], values[board["uid"]])
    labels = 'ml_labels_total{ml_label_class!=""}'
    eventually(lambda: stack.query(f"sum({labels} offset 15s) > 100"), within=60, why="labels for fifteen seconds and more")
    assert all(count.is_integer() for count in stack.query(promql).values())
    assert stack.query(f"(sum({promql}) >= sum({labels} offset 15s)) <= sum({labels})")


def test_the_shares_of_a_feature_s_bins_make_up_the_whole(stack: Stack, values: dict[str, filled.Chosen]) -> None:
    [board] = [one for one in DASHBOARDS if one["uid"] == "vitals-model"]
    [panel] = [one for one in filled.panels(board) if one["title"].startswith("Shares of $feature")]
    for feature in ("petal_length", "island", "s1"):
        for query in panel["targets"]:
            promql = filled.promql(query["expr"], {**values[board["uid"]], "feature": feature})
            eventually(
                lambda promql=promql: list(stack.query(f"sum({promql})").values()),
                lambda sums: sums == [pytest.approx(1)],
                why=f"the shares of {feature} add up to 1: {promql}",
            )


def test_one_chosen_instance_is_one_instance(stack: Stack, values: dict[str, filled.Chosen]) -> None:
    """A choice narrows: what is asked for one instance is not the sum of all."""
    [board] = [one for one in DASHBOARDS if one["uid"] == "vitals-service"]
    chosen = {**values["vitals-service"], "instance": ["no-such-instance"]}
    for one in filled.targets(board):
        if one.source == "prometheus":
            assert not _has_a_number(_range(stack, filled.promql(one.query["expr"], chosen))), one.name
        else:
            found = _search(stack, one.query, INDICES[one.source], filled.lucene(one.query["query"], chosen))
            assert found["hits"]["total"]["value"] == 0, one.name


def test_every_query_of_the_trace_to_metrics_links_has_data(stack: Stack, values: dict[str, filled.Chosen]) -> None:
    file = ROOT / "prom-graf" / "grafana" / "provisioning" / "datasources" / "vitals.yaml"
    [jaeger] = [one for one in yaml.safe_load(file.read_text())["datasources"] if one["uid"] == "jaeger"]
    [instance] = {json.loads(labels)["instance"] for labels in stack.query('ml_model_info{job="vitals"}')}
    tags = f'job="vitals", instance="{instance}"'
    for query in jaeger["jsonData"]["tracesToMetrics"]["queries"]:
        promql = query["query"].replace("$$__tags", tags)
        eventually(partial(_range, stack, promql), _has_a_number, within=60, why=f"data for {promql}")
