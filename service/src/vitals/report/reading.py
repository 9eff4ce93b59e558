"""The logged events of a model, read back from Elasticsearch: page by page, and no more than was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import httpx2 as httpx

from vitals.errors import StackError
from vitals.report.period import Period
from vitals.report.rows import LABELLED, PREDICTED

PAGE = 1000
"""Documents in one answer of Elasticsearch: with a hundred rows each still a few megabytes."""

IDS_AT_ONCE = 1000
"""Prediction ids in one query for labels."""

MOST_VERSIONS = 100

Document = Mapping[str, Any]


class Search(Protocol):
    """Something that answers Elasticsearch's `POST /{index}/_search`: the reader's client in vitals.lookup.clients."""

    def post(self, url: str, *, params: Mapping[str, str], json: Mapping[str, Any]) -> httpx.Response: ...


class Events:
    """The events `ml.prediction` and `ml.label` of one model.

    Raises StackError with a sentence where Elasticsearch does not answer, or something else answers in its place.
    """

    def __init__(self, elasticsearch: Search, model_name: str) -> None:
        self._elasticsearch = elasticsearch
        self._model = {"term": {"attributes.ml.model.name": model_name}}

    def versions(self, period: Period) -> dict[str, int]:
        """Requests by the model's version, the one that was asked last first."""
        newest = {"latest": {"max": {"field": "@timestamp"}}}
        field = "attributes.ml.model.version"
        grouped = {"terms": {"field": field, "size": MOST_VERSIONS, "order": {"latest": "desc"}}, "aggs": newest}
        answer = self._search({"query": self._of(PREDICTED, period), "size": 0, "aggs": {"versions": grouped}})
        buckets = answer.get("aggregations", {}).get("versions", {}).get("buckets", [])
        return {str(bucket["key"]): int(bucket["doc_count"]) for bucket in buckets}

    def predictions(self, period: Period, version: str) -> Iterator[list[Document]]:
        """The attributes of the logged predictions, the newest first, in pages; whoever has enough stops asking."""
        query = self._of(PREDICTED, period, {"term": {"attributes.ml.model.version": version}})
        # Newest first: what comes in while this reads changes no page. The id tells records of one nanosecond apart.
        order = [
            {"@timestamp": {"order": "desc", "format": "strict_date_optional_time_nanos", "numeric_type": "date_nanos"}},
            {"attributes.ml.prediction.id": {"order": "desc", "unmapped_type": "keyword", "missing": "_last"}},
        ]
        after: dict[str, Any] = {}
        while True:
            hits = self._hits({"query": query, "size": PAGE, "sort": order, "_source": ["attributes"], **after})
            if hits:
                yield [hit["_source"].get("attributes", {}) for hit in hits]
            if len(hits) < PAGE:
                return
            after = {"search_after": hits[-1]["sort"]}

    def labels(self, prediction_ids: Iterable[str]) -> Iterator[list[Document]]:
        """The attributes of the logged labels of these predictions, whenever they came, in pages; each page oldest first."""
        ids = list(prediction_ids)
        for first in range(0, len(ids), IDS_AT_ONCE):
            some = {"terms": {"attributes.ml.prediction.id": ids[first : first + IDS_AT_ONCE]}}
            order = [{"@timestamp": {"order": "asc", "unmapped_type": "date_nanos"}}]
            # A label is accepted once by each process that sees it: few more than one a prediction.
            hits = self._hits(
                {"query": self._of(LABELLED, None, some), "size": 10 * PAGE, "sort": order, "_source": ["attributes"]}
            )
            yield [hit["_source"].get("attributes", {}) for hit in hits]

    def _of(self, event: str, period: Period | None, *more: Mapping[str, Any]) -> dict[str, Any]:
        filters: list[Mapping[str, Any]] = [{"term": {"event_name": event}}, self._model, *more]
        if period is not None:
            within = {"gte": period.since.isoformat(), "lt": period.until.isoformat()}
            filters.append({"range": {"@timestamp": within}})
        return {"bool": {"filter": filters}}

    def _hits(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        hits: list[dict[str, Any]] = self._search(body)["hits"]["hits"]
        return hits

    def _search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = self._elasticsearch.post(
                "/logs-*/_search", params={"ignore_unavailable": "true", "allow_no_indices": "true"}, json=body
            )
            answer: dict[str, Any] = response.raise_for_status().json()
            answer["hits"]["hits"]  # anything else that answers with JSON has none
        except httpx.HTTPStatusError as refused:
            text = refused.response.text[:200]
            raise StackError(f"Elasticsearch answered {refused.response.status_code} ({text}); see `vitals status`.") from None
        except httpx.HTTPError as failed:
            raise StackError(
                f"Elasticsearch, which has the logged events, does not answer ({type(failed).__name__}); see `vitals status`."
            ) from None
        except (ValueError, LookupError, TypeError) as strange:
            raise StackError(
                f"Something other than Elasticsearch answers at its address ({type(strange).__name__}); see `vitals status`."
            ) from None
        return answer
