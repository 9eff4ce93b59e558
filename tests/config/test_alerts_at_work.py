"""What becomes of a notification: the real Alertmanager hands it to the real Collector, whose records are read from files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from vitals.provisioning import alertmanager_files
from vitals.settings.stack import StackSettings

from ..ports import free_ports
from .conftest import PASSWORD
from .test_collector_at_work import as_dict, records_in

LABELS = {
    "alertname": "FeatureDrift",
    "severity": "warning",
    "scope": "model",
    "job": "vitals",
    "instance": "0b9e",
    "service_version": "0.1.0",
    "ml_model_name": "iris",
    "ml_model_version": "0123456789ab",
    "ml_feature_name": "petal_width",
}
NOTES = {
    "summary": "petal_width of iris has moved",
    "description": "PSI is 0.41 where 0.2 is the threshold; password=hunter2",
    "runbook_url": "https://example.org/docs/runbooks/FeatureDrift.md",
}
UNREADABLE: list[dict[str, Any]] = [
    {"body": "not JSON"},
    {"body": "[1, 2]"},
    {"body": "{}"},
    {"body": json.dumps({"alerts": "none"})},
    {"body": json.dumps({"alerts": [{"labels": "a", "startsAt": 7}]})},
]


@dataclass(frozen=True)
class Alertmanager:
    """A running one, with the configuration that the stack gives it."""

    url: str
    process: subprocess.Popen[bytes]

    def fire(self, started: datetime, ended: datetime | None = None, **labels: str) -> None:
        """Hand in an alert as Prometheus does; without an end it is said again before the end that Prometheus gives it."""
        alert = {
            "labels": {**LABELS, **labels},
            "annotations": NOTES,
            "startsAt": started.isoformat(),
            "endsAt": (ended or datetime.now(UTC) + timedelta(minutes=4)).isoformat(),
            "generatorURL": "http://127.0.0.1:9090/graph",
        }
        httpx.post(f"{self.url}/api/v2/alerts", json=[alert], timeout=10).raise_for_status()

    def metric(self, *parts: str) -> float:
        """The sum of its own series whose line has all these parts."""
        lines = httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(part in line for part in parts) and line[0] != "#")


@pytest.fixture
def run_alertmanager(
    engine: Callable[[str], Path], wait_for: Callable[..., Any], engine_environment: dict[str, str], tmp_path: Path
) -> Callable[..., Any]:
    """Start Alertmanager as the native stack does, sending to the test's Collector; `state` has the secrets beside it."""

    @contextmanager
    def run(state: Path = tmp_path) -> Iterator[Alertmanager]:
        folder = state / "alertmanager"
        alertmanager_files.prepare(folder, int(engine_environment["ALERTS_PORT"]))
        [port] = free_ports(1)
        with (tmp_path / "alertmanager.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    engine("alertmanager"),
                    "--config.file=alertmanager.yml",
                    f"--storage.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--cluster.listen-address=",
                ],
                cwd=folder,
                env={"PATH": os.environ["PATH"]},
                stdout=log,
                stderr=log,
            )
        running = Alertmanager(f"http://127.0.0.1:{port}", process)
        try:
            wait_for(lambda: _ready(running) or process.poll() is not None, (tmp_path / "alertmanager.log").read_text)
            assert process.poll() is None, (tmp_path / "alertmanager.log").read_text()
            yield running
        finally:
            process.kill()
            process.wait()

    return run


def _ready(alertmanager: Alertmanager) -> bool:
    try:
        return httpx.get(f"{alertmanager.url}/-/ready", timeout=1).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def settings() -> StackSettings:
    return StackSettings.load(metrics_backend="none", traces_backend="none")


def test_an_alert_is_one_record_when_it_fires_and_one_when_it_ends(
    run_collector: Callable[..., Any], run_alertmanager: Callable[..., Any], wait_for: Callable[..., Any], settings: StackSettings
) -> None:
    started = datetime.now(UTC) - timedelta(seconds=30)
    ended = started + timedelta(seconds=20, microseconds=123456)
    with run_collector(settings, ["logs/elasticsearch"]) as collector, run_alertmanager() as alertmanager:

        def records() -> list[dict[str, Any]]:
            return [one for one in records_in(collector.got("logs/elasticsearch")) if one["resource"]["service.name"] == "vitals"]

        alertmanager.fire(started)
        alertmanager.fire(started, ml_feature_name="petal_length", severity="critical")
        wait_for(lambda: len(records()) == 2, lambda: str(records()))
        alertmanager.fire(started)  # as Prometheus does every minute
        alertmanager.fire(started, ended)
        wait_for(lambda: len(records()) == 3, lambda: str(records()))
        found = {
            (record["attributes"]["alert.labels"]["ml_feature_name"], record["attributes"]["alert.status"]): record
            for record in (_plain(one) for one in records())
        }
    assert found.keys() == {("petal_width", "firing"), ("petal_length", "firing"), ("petal_width", "resolved")}
    firing, resolved = (found["petal_width", status] for status in ("firing", "resolved"))
    assert firing["body"] == "FIRING FeatureDrift: petal_width of iris has moved"
    assert resolved["body"] == "RESOLVED FeatureDrift: petal_width of iris has moved"
    assert {key: (one["severityText"], one["severityNumber"]) for key, one in found.items()} == {
        ("petal_width", "firing"): ("WARN", 13),
        ("petal_length", "firing"): ("ERROR", 17),
        ("petal_width", "resolved"): ("INFO", 9),
    }
    assert firing["resource"] == {
        "data_stream.dataset": "alerts",
        "service.name": "vitals",
        "service.version": "0.1.0",
        "service.instance.id": "0b9e",
    }
    told = firing["attributes"]
    assert {name: told[f"ml.{name}"] for name in ("model.name", "model.version", "feature.name")} == {
        "model.name": "iris",
        "model.version": "0123456789ab",
        "feature.name": "petal_width",
    }
    assert (told["alert.severity"], told["alert.scope"], told["alert.receiver"]) == ("warning", "model", "history")
    assert told["alert.runbook_url"] == NOTES["runbook_url"]
    assert told["alert.description"] == "PSI is 0.41 where 0.2 is the threshold; ****"
    assert told["alert.labels"] == LABELS
    assert "alert.ends_at" not in told
    assert abs(int(firing["timeUnixNano"]) / 1e9 - started.timestamp()) < 0.002
    assert abs(int(resolved["timeUnixNano"]) / 1e9 - ended.timestamp()) < 0.002
    assert resolved["attributes"]["alert.fingerprint"] == told["alert.fingerprint"]
    assert len({one["attributes"]["log.record.uid"] for one in found.values()}) == 3


def test_the_same_change_told_twice_has_the_same_id(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], settings: StackSettings
) -> None:
    with run_collector(settings, ["logs/elasticsearch"]) as collector:
        at = "2026-11-21T11:00:00.5+01:00"
        for status, ends in (("firing", "0001-01-01T00:00:00Z"), ("firing", "0001-01-01T00:00:00Z"), ("resolved", at)):
            _hand_in(collector, json.dumps({"alerts": [_alert(status, at, ends)]})).raise_for_status()
        got = wait_for(lambda: (got := records_in(collector.got("logs/elasticsearch")))[2:] and got)
    first, again, ended = (_plain(one) for one in got)
    assert first["attributes"]["log.record.uid"] == again["attributes"]["log.record.uid"]
    assert first["attributes"]["log.record.uid"] != ended["attributes"]["log.record.uid"]
    assert datetime.fromtimestamp(int(first["timeUnixNano"]) / 1e9, UTC) == datetime.fromisoformat(at)


@pytest.mark.slow
@pytest.mark.parametrize("told", UNREADABLE, ids=lambda told: str(told["body"]))
def test_what_can_not_be_read_is_kept_as_the_text_that_it_is(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], settings: StackSettings, told: dict[str, Any]
) -> None:
    with run_collector(settings, ["logs/elasticsearch"]) as collector:
        _hand_in(collector, told["body"], params={"elasticsearch.index": "of-their-own", "data_stream.dataset": "x"})
        [record] = wait_for(lambda: records_in(collector.got("logs/elasticsearch")))
    assert record["body"]["stringValue"] == told["body"]
    assert record["resource"] == {"data_stream.dataset": "alerts", "service.name": "alertmanager"}
    assert record["severityNumber"] == 13


def test_several_alerts_in_one_notification_are_not_lost(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], settings: StackSettings
) -> None:
    body = json.dumps({"alerts": [_alert("firing", "2026-11-21T11:00:00Z", "")] * 2})
    with run_collector(settings, ["logs/elasticsearch"]) as collector:
        _hand_in(collector, body).raise_for_status()
        [record] = wait_for(lambda: records_in(collector.got("logs/elasticsearch")))
    assert json.loads(record["body"]["stringValue"])["alerts"][0]["labels"] == LABELS


def test_who_has_not_the_token_is_refused_and_so_is_what_is_too_large(
    run_collector: Callable[..., Any], settings: StackSettings
) -> None:
    with run_collector(settings, ["logs/elasticsearch"]) as collector:
        for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": PASSWORD}, {"authorization": "Bearer"}):
            assert _hand_in(collector, "{}", headers=header).status_code == 401
        assert _hand_in(collector, "x" * 300_000).status_code == 400
        assert _hand_in(collector, "{}").status_code == 200


@pytest.mark.slow
def test_a_wrong_token_is_counted_and_tried_again_until_it_is_right(
    run_collector: Callable[..., Any],
    run_alertmanager: Callable[..., Any],
    wait_for: Callable[..., Any],
    settings: StackSettings,
    tmp_path: Path,
) -> None:
    token = tmp_path / "other" / "secrets" / "alerts-token"
    token.parent.mkdir(parents=True)
    token.write_text("wrong")
    with run_collector(settings, ["logs/elasticsearch"]) as collector, run_alertmanager(tmp_path / "other") as alertmanager:
        alertmanager.fire(datetime.now(UTC))
        refused = ("alertmanager_notifications_failed_total", 'reason="clientError"', 'integration="webhook"')
        wait_for(lambda: alertmanager.metric(*refused) > 0)
        assert records_in(collector.got("logs/elasticsearch")) == []
        token.write_text(PASSWORD)
        wait_for(lambda: records_in(collector.got("logs/elasticsearch")))


@pytest.mark.slow
def test_without_anyone_to_take_them_alerts_are_told_later(
    run_collector: Callable[..., Any], run_alertmanager: Callable[..., Any], wait_for: Callable[..., Any], settings: StackSettings
) -> None:
    """The Collector is away when the alert fires: Alertmanager counts the failures and tries again while the alert fires."""
    with run_alertmanager() as alertmanager:
        alertmanager.fire(datetime.now(UTC))
        failed = ("alertmanager_notification_requests_failed_total", 'integration="webhook"')
        wait_for(lambda: alertmanager.metric(*failed) >= 2)
        with run_collector(settings, ["logs/elasticsearch"]) as collector:
            [record] = wait_for(lambda: records_in(collector.got("logs/elasticsearch")))
    assert record["body"]["stringValue"].startswith("FIRING FeatureDrift")


@pytest.mark.slow
def test_what_fires_and_ends_while_nobody_takes_it_is_not_told(
    run_collector: Callable[..., Any], run_alertmanager: Callable[..., Any], wait_for: Callable[..., Any], settings: StackSettings
) -> None:
    """Alertmanager tells of an end only where it told of the beginning: docs/alerting.md says so, Prometheus still has both."""
    with run_alertmanager() as alertmanager:
        started = datetime.now(UTC)
        alertmanager.fire(started)
        failed = ("alertmanager_notification_requests_failed_total", 'integration="webhook"')
        wait_for(lambda: alertmanager.metric(*failed) >= 2)
        alertmanager.fire(started, datetime.now(UTC))
        given_up = ("alertmanager_notifications_failed_total", 'integration="webhook"')
        before = alertmanager.metric(*given_up)
        wait_for(lambda: alertmanager.metric(*given_up) > before)  # the tries that had begun while it fired
        with run_collector(settings, ["logs/elasticsearch"]) as collector:
            alertmanager.fire(datetime.now(UTC), ml_feature_name="petal_length")
            [record] = wait_for(lambda: records_in(collector.got("logs/elasticsearch")))
    assert _plain(record)["attributes"]["alert.labels"]["ml_feature_name"] == "petal_length"


def _hand_in(collector: Any, body: str, **options: Any) -> httpx.Response:
    url = f"http://127.0.0.1:{collector.environment['ALERTS_PORT']}/alerts"
    return httpx.post(url, content=body, timeout=10, **{"headers": {"authorization": f"Bearer {PASSWORD}"}, **options})


def _alert(status: str, starts_at: str, ends_at: str) -> dict[str, Any]:
    times = {"startsAt": starts_at, "endsAt": ends_at}
    return {"status": status, "labels": LABELS, "annotations": NOTES, "fingerprint": "0f1e2d3c4b5a6978", **times}


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its attributes and its body as plain values."""
    attributes = as_dict(record["attributes"])
    labels = {one["key"]: one["value"]["stringValue"] for one in attributes["alert.labels"]["values"]}
    return {**record, "attributes": {**attributes, "alert.labels": labels}, "body": record["body"]["stringValue"]}
