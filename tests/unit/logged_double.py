"""Logged events as the service writes them, and an Elasticsearch that has them: filters, order, pages, one aggregation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from vitals.bundle.folder import ServedFolder
from vitals.report.rows import LoggedRow


@dataclass
class Kept:
    """What Elasticsearch has, answered as it answers: filters, order, pages, and the one aggregation."""

    predictions: list[dict[str, Any]] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def elasticsearch(self) -> httpx.Client:
        return httpx.Client(base_url="http://elasticsearch", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.asked.append(body)
        filters = body["query"]["bool"]["filter"]
        [event] = [one["term"]["event_name"] for one in filters if "event_name" in one.get("term", {})]
        found = list(enumerate(self.predictions if event == "ml.prediction" else self.labels))
        for one in filters:
            for key, value in one.get("term", {}).items():
                found = [(at, doc) for at, doc in found if key == "event_name" or doc[key.removeprefix("attributes.")] == value]
            for key, values in one.get("terms", {}).items():
                found = [(at, doc) for at, doc in found if doc[key.removeprefix("attributes.")] in values]
        if "aggs" in body:
            versions = [doc["ml.model.version"] for _, doc in found]
            last_first = list(dict.fromkeys(reversed(versions)))
            buckets = [{"key": version, "doc_count": versions.count(version)} for version in last_first]
            return httpx.Response(200, json={"hits": {"hits": []}, "aggregations": {"versions": {"buckets": buckets}}})
        if "desc" in json.dumps(body["sort"]):
            found.reverse()
        if "search_after" in body:
            found = [(at, doc) for at, doc in found if at < body["search_after"][0]]
        hits = [{"_source": {"attributes": doc}, "sort": [at, "id"]} for at, doc in found[: body["size"]]]
        return httpx.Response(200, json={"hits": {"hits": hits}})


def event(folder: ServedFolder, rows: Sequence[LoggedRow], first: int, **more: Any) -> dict[str, Any]:
    """As the service logs a request of these rows: scalars for one, arrays for several."""
    names = [feature.name for feature in folder.profile.features]
    ids = [f"p{first + at}" for at in range(len(rows))]
    key = "ml.prediction.class" if folder.profile.task == "classification" else "ml.prediction.value"
    answers = [row.predicted if row.predicted is not None else row.label for row in rows]
    return {
        "ml.model.name": folder.facts.name,
        "ml.model.version": folder.facts.version,
        "ml.prediction.id": ids if len(ids) > 1 else ids[0],
        key: answers if len(ids) > 1 else answers[0],
        "ml.prediction.features": json.dumps([dict(zip(names, row.values, strict=True)) for row in rows]),
        **more,
    }


def label(folder: ServedFolder, prediction_id: str, value: Any) -> dict[str, Any]:
    return {
        "ml.model.name": folder.facts.name,
        "ml.prediction.id": prediction_id,
        "ml.label.value": str(value),
    }


def logged(folder: ServedFolder, rows: Sequence[LoggedRow], size: int = 1) -> list[dict[str, Any]]:
    return [event(folder, rows[at : at + size], at) for at in range(0, len(rows), size)]
