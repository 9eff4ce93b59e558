"""From an alert to its history: what Prometheus would hand to Alertmanager is found in Elasticsearch, each change once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest

from vitals.host.ports import listeners

from .alerts import INDEX, fire, history
from .conftest import Stack, eventually

WITHIN_SECONDS = 5.0
"""From an alert that Alertmanager was handed to a record that can be searched: group_wait, queue, refresh."""


def _statuses(stack: Stack, name: str) -> list[str]:
    return [record["attributes"]["alert.status"] for record in history(stack, name)]


def test_prometheus_finds_alertmanager(stack: Stack) -> None:
    def active() -> list[str]:
        found = stack.stores.prometheus.get("/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
        return [one["url"] for one in found]

    expected = [f"http://127.0.0.1:{stack.settings.alertmanager_port}/api/v2/alerts"]
    eventually(active, lambda urls: urls == expected, within=60)


def test_an_alert_is_in_the_history_once_when_it_fires_and_once_when_it_ends(stack: Stack, capsys: Any) -> None:
    started = datetime.now(UTC)
    fire(stack, "MadeUp", started, ml_model_name="iris", ml_feature_name="petal_width")
    eventually(lambda: _statuses(stack, "MadeUp"), lambda found: found == ["firing"], within=WITHIN_SECONDS)
    seconds = (datetime.now(UTC) - started).total_seconds()
    with capsys.disabled():
        print(f"\nan alert handed to Alertmanager → searchable in Elasticsearch: {seconds:.2f} s")

    fire(stack, "MadeUp", started, ml_model_name="iris", ml_feature_name="petal_width")
    ended = datetime.now(UTC)
    fire(stack, "MadeUp", started, ended, ml_model_name="iris", ml_feature_name="petal_width")
    eventually(lambda: _statuses(stack, "MadeUp"), lambda found: found == ["firing", "resolved"], within=2 * WITHIN_SECONDS)
    firing, resolved = history(stack, "MadeUp")
    assert firing["body"]["text"] == "FIRING MadeUp: MadeUp was made up: petal_width"
    assert (firing["severity_text"], resolved["severity_text"]) == ("WARN", "INFO")
    assert firing["attributes"]["ml.feature.name"] == "petal_width"
    assert firing["attributes"]["alert.labels"]["ml_model_name"] == "iris"
    assert firing["resource"]["attributes"]["service.name"] == "vitals"
    assert firing["data_stream"]["dataset"] == "alerts.otel"
    # Searched by what a label says, by time, and by a word.
    for query in (
        {"term": {"alert.labels.ml_feature_name": "petal_width"}},
        {"range": {"alert.starts_at": {"gte": started.isoformat(), "lte": ended.isoformat()}}},
        {"match": {"message": "resolved"}},
    ):
        named = {"bool": {"filter": [{"term": {"alert.name": "MadeUp"}}, query]}}
        assert stack.documents(INDEX, named), query


def test_the_fields_of_an_alert_have_their_types(stack: Stack) -> None:
    fire(stack, "Typed", datetime.now(UTC))
    eventually(lambda: history(stack, "Typed"), within=WITHIN_SECONDS)
    answer = stack.stores.elasticsearch.get(f"/{INDEX}/_field_caps", params={"fields": "alert.*"}).raise_for_status().json()
    types = {name: next(iter(kinds)) for name, kinds in answer["fields"].items()}
    keywords = ("name", "status", "severity", "scope", "receiver", "fingerprint", "runbook_url")
    assert {f"alert.{name}": "keyword" for name in keywords}.items() <= types.items()
    assert (types["alert.starts_at"], types["alert.ends_at"]) == ("date_nanos", "date_nanos")
    assert types["alert.labels"] == "flattened"


def test_who_has_not_the_token_can_not_write_history(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.settings.alerts_port}/alerts"
    body = {
        "alerts": [
            {"status": "firing", "labels": {"alertname": "Forged"}, "fingerprint": "0", "startsAt": datetime.now(UTC).isoformat()}
        ]
    }
    assert httpx.post(url, json=body).status_code == 401
    assert httpx.post(url, json=body, headers={"authorization": "Bearer guessed"}).status_code == 401
    token = (stack.state / "secrets" / "alerts-token").read_text()
    body["alerts"][0]["labels"] = {"alertname": "NotForged"}
    assert httpx.post(url, json=body, headers={"authorization": f"Bearer {token}"}).status_code == 200
    eventually(lambda: history(stack, "NotForged"), within=WITHIN_SECONDS)
    assert history(stack, "Forged") == []


@pytest.mark.slow
def test_an_alert_during_an_outage_of_elasticsearch_is_in_the_history_afterwards(stack: Stack) -> None:
    """Alertmanager has handed it on by then: it waits in the Collector's queue, on disk."""
    fire(stack, "BeforeOutage", datetime.now(UTC))
    eventually(lambda: history(stack, "BeforeOutage"), within=WITHIN_SECONDS)
    taken_before = _taken(stack)
    holder = listeners()[stack.settings.elasticsearch_port]
    assert holder is not None
    holder.kill()
    started = datetime.now(UTC)
    fire(stack, "DuringOutage", started)
    eventually(lambda: _taken(stack), lambda taken: taken > taken_before, within=WITHIN_SECONDS)
    assert history(stack, "BeforeOutage") == [], "Elasticsearch is still away"
    eventually(lambda: _statuses(stack, "DuringOutage"), lambda found: found == ["firing"], within=90)
    fire(stack, "DuringOutage", started, datetime.now(UTC))
    eventually(lambda: _statuses(stack, "DuringOutage"), lambda found: found == ["firing", "resolved"], within=30)


def _taken(stack: Stack) -> float:
    """How many notifications the Collector took, by its own count."""
    lines = httpx.get(f"http://127.0.0.1:{stack.settings.collector_metrics_port}/metrics", timeout=10).text.splitlines()
    of_alerts = [
        line for line in lines if line.startswith("otelcol_receiver_accepted_log_records") and "webhook_event/alerts" in line
    ]
    return sum(float(line.rsplit(" ", 1)[1]) for line in of_alerts)
