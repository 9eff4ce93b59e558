"""Prometheus as a store of exemplars, which lead from a number to a trace, and of counts of requests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx

from vitals.lookup.records import Exemplar

EXEMPLAR_AGE = timedelta(hours=6)
"""How far back exemplars are searched."""


def exemplars(client: httpx.Client) -> list[Exemplar]:
    """The exemplars of the last six hours, of every histogram."""
    now = datetime.now(UTC)
    response = client.get(
        "/api/v1/query_exemplars",
        params={
            "query": '{__name__=~".+_bucket"}',
            "start": (now - EXEMPLAR_AGE).timestamp(),
            "end": (now + timedelta(minutes=1)).timestamp(),
        },
    )
    return [
        _exemplar(series["seriesLabels"], exemplar)
        for series in response.raise_for_status().json()["data"]
        for exemplar in series["exemplars"]
    ]


def answered(client: httpx.Client, route: str, instance: str | None) -> int:
    """How many requests to a route a process has answered with 200, as its latest sample says; 0 where there is none."""
    of_instance = f",instance={json.dumps(instance)}" if instance else ""
    name = "http_server_request_duration_seconds_count"
    asked = f'sum({name}{{http_route="{route}",http_response_status_code="200"{of_instance}}})'
    result = client.get("/api/v1/query", params={"query": asked}).raise_for_status().json()["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0


def _exemplar(labels: dict[str, str], exemplar: dict[str, Any]) -> Exemplar:
    kept = {name: value for name, value in labels.items() if name != "__name__"}
    return Exemplar(
        trace_id=exemplar["labels"].get("trace_id", ""),
        metric=labels["__name__"],
        labels=kept,
        value=float(exemplar["value"]),
        time=int(float(exemplar["timestamp"]) * 1e9),
    )
