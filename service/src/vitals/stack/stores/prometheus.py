"""Prometheus as a store of exemplars: what leads from a number to a trace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx

from vitals.stack.records import Exemplar

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


def _exemplar(labels: dict[str, str], exemplar: dict[str, Any]) -> Exemplar:
    kept = {name: value for name, value in labels.items() if name != "__name__"}
    return Exemplar(
        trace_id=exemplar["labels"].get("trace_id", ""),
        metric=labels["__name__"],
        labels=kept,
        value=float(exemplar["value"]),
        time=int(float(exemplar["timestamp"]) * 1e9),
    )
