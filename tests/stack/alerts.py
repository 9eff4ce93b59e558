"""Alerts for tests: handed to Alertmanager as Prometheus does it, and read from their history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx

from .conftest import Stack, eventually

INDEX = "logs-alerts.otel-default"
JOB = "vitals"


def fire(stack: Stack, name: str, started: datetime, ended: datetime | None = None, **labels: str) -> None:
    """Hand an alert to Alertmanager, as Prometheus does every minute while it fires, and once more when it has ended.

    First wait until nothing is firing that would hold it back. On a slow machine the Collector starts long after Prometheus, so
    TelemetryAbsent fires, and meanwhile Alertmanager tells nothing about models.
    """
    eventually(lambda: _holding_back(stack), lambda found: not found, within=60, why="nothing holds the alert back")
    alert = {
        "labels": {"alertname": name, "job": JOB, "severity": "warning", "scope": "model", **labels},
        "annotations": {
            "summary": f"{name} was made up: {labels.get('ml_feature_name', 'nothing')}",
            "runbook_url": f"docs/runbooks/{name}.md",
        },
        "startsAt": started.isoformat(),
        "endsAt": (ended or datetime.now(UTC) + timedelta(minutes=4)).isoformat(),
    }
    httpx.post(_alerts_url(stack), json=[alert], timeout=10).raise_for_status()


def _holding_back(stack: Stack) -> list[dict[str, str]]:
    """The labels of what fires and inhibits an alert of a model (prom-graf/alertmanager/alertmanager.yml)."""
    firing = [alert["labels"] for alert in httpx.get(_alerts_url(stack), timeout=10).raise_for_status().json()]
    inhibiting = ({"alertname": "ServiceAbsent", "job": JOB}, {"alertname": "TelemetryAbsent", "signal": "all"})
    return [labels for labels in firing if any(one.items() <= labels.items() for one in inhibiting)]


def _alerts_url(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.settings.alertmanager_port}/api/v2/alerts"


def history(stack: Stack, name: str) -> list[dict[str, Any]]:
    """The records of an alert, the oldest first; none while Elasticsearch is away."""
    try:
        found = stack.documents(INDEX, {"term": {"alert.name": name}})
    except httpx.HTTPError:
        return []
    return sorted(found, key=lambda record: str(record["@timestamp"]))
