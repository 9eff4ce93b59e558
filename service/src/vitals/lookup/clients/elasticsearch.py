"""Elasticsearch as a store of spans and of logs: documents as the Collector's exporter writes them (mapping mode otel)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx

from vitals.lookup.clients.span_exceptions import EXCEPTION as _EXCEPTION
from vitals.lookup.clients.span_exceptions import recorded
from vitals.lookup.records import Log, Span

MOST = 1000
"""Spans, or logs, of one trace that are fetched; more can't be read in a terminal."""


def search(client: httpx.Client, index: str, query: dict[str, Any], *, size: int = MOST) -> list[dict[str, Any]]:
    """The `_source` of the documents in `index` that match, oldest first."""
    response = client.post(
        f"/{index}/_search",
        params={"ignore_unavailable": "true", "allow_no_indices": "true"},
        json={"query": query, "size": size, "sort": [{"@timestamp": {"order": "asc", "unmapped_type": "date"}}]},
    )
    hits = response.raise_for_status().json()["hits"]["hits"]
    return [hit["_source"] for hit in hits]


def spans(client: httpx.Client, trace_id: str) -> list[Span]:
    """The trace's spans, and the spans of other traces that link to it (the batch that served it), oldest first."""
    either = [{"term": {"trace_id": trace_id}}, {"term": {"links.trace_id": trace_id}}]
    query = {"bool": {"should": either, "minimum_should_match": 1}}
    found = [_span_of_document(document) for document in search(client, "traces-*", query)]
    return sorted(found, key=lambda span: span.start)


def logs(client: httpx.Client, trace_id: str) -> list[Log]:
    """The trace's log records, and the exceptions that were recorded on its spans, oldest first.

    Events of spans are stored beside the log records; the others of them are left to the spans.
    """
    either = [{"exists": {"field": "severity_number"}}, {"term": {"event_name": _EXCEPTION}}]
    query = {"bool": {"filter": [{"term": {"trace_id": trace_id}}], "should": either, "minimum_should_match": 1}}
    found = [_log_of_document(document) for document in search(client, "logs-*", query)]
    return sorted(found, key=lambda log: log.time)


def _span_of_document(document: dict[str, Any]) -> Span:
    resource = document.get("resource", {}).get("attributes", {})
    return Span(
        trace_id=document["trace_id"],
        span_id=document["span_id"],
        parent_span_id=document.get("parent_span_id") or None,
        name=document.get("name", ""),
        kind=str(document.get("kind", "")).upper(),
        service=resource.get("service.name", "?"),
        instance=resource.get("service.instance.id"),
        start=nanoseconds(document["@timestamp"]),
        duration=int(document.get("duration", 0)),
        error=document.get("status", {}).get("code") == "Error",
        attributes=document.get("attributes", {}),
    )


def _log_of_document(document: dict[str, Any]) -> Log:
    body = document.get("body", {})
    resource = document.get("resource", {}).get("attributes", {})
    attributes = document.get("attributes", {})
    on_span = document.get("event_name") == _EXCEPTION and "severity_number" not in document
    return Log(
        time=nanoseconds(document["@timestamp"]),
        severity="ERROR" if on_span else document.get("severity_text", ""),
        body=recorded(attributes) if on_span else str(body.get("text", body.get("structured", ""))),
        event=document.get("event_name") or None,
        logger=document.get("scope", {}).get("name"),
        span_id=document.get("span_id") or None,
        service=resource.get("service.name", "?"),
        attributes=attributes,
        on_span=on_span,
    )


def nanoseconds(timestamp: str | int | float) -> int:
    """From Elasticsearch's `@timestamp`: RFC 3339 with up to nine decimals, or as the Collector writes it.

    That is MILLISECONDS.NANOSECONDS, and no decimal fraction: its Elasticsearch exporter leaves the leading zeros out.
    """
    text = str(timestamp)
    if "T" not in text:
        whole, _, fraction = text.partition(".")
        return int(whole) * 1_000_000 + int(fraction or 0)
    stamp, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp())
    return seconds * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
