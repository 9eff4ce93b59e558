"""Attributes whose names are one label to Prometheus, on the real Collector: no series is lost for it, and each says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from vitals.settings.stack import StackSettings

MARK, LABEL = "vitals.label_names", "vitals_label_names"
Pairs = list[tuple[str, str]]

COLLIDING: dict[str, Pairs] = {
    "user.id and user_id": [("user.id", "1"), ("user_id", "2")],
    "user-id and user.id": [("user-id", "1"), ("user.id", "2")],
    "a key twice": [("a", "1"), ("a", "2")],
    "its own label twice": [("job", "1"), ("job", "2")],
    "names of other alphabets": [("日本", "1"), ("имя", "2")],
    "nothing but signs": [("__", "1"), ("日", "2")],
}
FINE: dict[str, Pairs] = {
    "one": [("user.id", "1"), ("other_id", "2")],
    "several underscores": [("user..id", "1"), ("user.id", "2")],
    "of another alphabet": [("日本", "1"), ("user", "2")],
    "none": [],
}


def attributes(pairs: Pairs) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in pairs]


def point(number: int, pairs: Pairs) -> dict[str, Any]:
    now = str(time.time_ns())
    return {"startTimeUnixNano": now, "timeUnixNano": now, "asInt": str(number), "attributes": attributes(pairs)}


def counter(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": list(points)}}


def request(*metrics: dict[str, Any], of_resource: Pairs | None = None) -> dict[str, Any]:
    resource = {"attributes": attributes([("service.name", "tested"), ("service.instance.id", "1"), *(of_resource or [])])}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "t"}, "metrics": list(metrics)}]}]}


METRICS = [counter(f"m{number}", point(1, pairs)) for number, pairs in enumerate((COLLIDING | FINE).values())]


def found_in(got: list[dict[str, Any]]) -> dict[str, list[Pairs]]:
    """The attributes of each point, by metric."""
    every = [one for each in got for r in each["resourceMetrics"] for s in r["scopeMetrics"] for one in s["metrics"]]
    return {
        one["name"]: [
            [(pair["key"], pair["value"]["stringValue"]) for pair in each.get("attributes", [])]
            for each in one["sum"]["dataPoints"]
        ]
        for one in every
        if one["name"].startswith("m")
    }


@pytest.mark.parametrize("backend", ["prometheus", "prometheus-remote-write"])
def test_what_prometheus_will_join_says_so(backend: str, run_collector: Callable[..., Any], wait_for: Callable[..., Any]) -> None:
    pipeline = f"metrics/{backend}"
    to_files = [pipeline, "traces/elasticsearch", "traces/jaeger", "logs/elasticsearch"]
    with run_collector(StackSettings.load(metrics_backend=backend), to_files) as collector:
        jobs = counter("mj", point(1, [("job", "a")]), point(2, [("job", "b")]), point(3, [("le", "5"), ("instance", "c")]))
        collector.send("metrics", request(*METRICS, jobs, of_resource=COLLIDING["user.id and user_id"]))
        got = wait_for(lambda: (got := collector.got(pipeline)) and "mj" in found_in(got) and got)
    found = found_in(got)
    for number, (case, sent) in enumerate((COLLIDING | FINE).items()):
        [pairs] = found[f"m{number}"]
        assert ((MARK, "merged") in pairs) == (case in COLLIDING), case
        if not any(key == "unnamed" or key.startswith("exported_") for key, _ in pairs):
            assert [one for one in pairs if one[0] != MARK] == sent, f"{case}: left for Prometheus to join"
        assert all(any(letter.isascii() and letter.isalnum() for letter in key) for key, _ in pairs), case
    [resource] = [r["resource"] for each in got for r in each["resourceMetrics"] if "mj" in str(r)]
    assert {"key": MARK, "value": {"stringValue": "merged"}} in resource["attributes"]
    # Prometheus would put its own in their place: of two series that differ in nothing else one would be lost.
    assert found["mj"] == [[("exported_job", "a")], [("exported_job", "b")], [("exported_le", "5"), ("exported_instance", "c")]]


def test_a_scrape_has_each_series_with_each_label_once(run_collector: Callable[..., Any], wait_for: Callable[..., Any]) -> None:
    to_files = ["traces/elasticsearch", "traces/jaeger", "logs/elasticsearch"]
    with run_collector(StackSettings.load(metrics_backend="prometheus-scrape"), to_files) as collector:
        url = f"http://127.0.0.1:{collector.environment['COLLECTOR_SCRAPE_PORT']}/metrics"
        own = counter("mo", point(1, [("service_version", "of the point")]))
        collector.send(
            "metrics", request(*METRICS, own, of_resource=[*COLLIDING["user.id and user_id"], ("service.version", "1")])
        )

        def scraped() -> str:
            answer = httpx.get(url, timeout=5, headers={"accept": "application/openmetrics-text"})
            return answer.text if answer.status_code == 200 and "mo_total" in answer.text else ""

        text = wait_for(scraped, collector.log.read_text)
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    for number, case in enumerate(COLLIDING | FINE):
        [labels] = [one.labels for one in samples if one.name == f"m{number}_total"]
        assert (labels.get(LABEL) == "merged") == (case in COLLIDING), case
        if case in COLLIDING:
            assert "2" in labels.values(), f"{case}: the last value is kept"
    [own_label] = [one.labels for one in samples if one.name == "mo_total"]
    assert own_label["service_version"] == "of the point"
    [target] = [one.labels for one in samples if one.name == "target_info" and one.labels["job"] == "tested"]
    assert (target["user_id"], target[LABEL]) == ("1;2", "merged")
