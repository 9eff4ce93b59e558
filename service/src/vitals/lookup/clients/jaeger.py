"""Jaeger as a store of spans, by its query API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx

from vitals.lookup.clients.span_exceptions import EXCEPTION, recorded
from vitals.lookup.records import Log, Span


def spans(client: httpx.Client, trace_id: str) -> list[Span]:
    """The trace's spans, oldest first."""
    response = client.get(f"/api/traces/{trace_id}")
    if response.status_code == httpx.codes.NOT_FOUND:
        return []
    traces = response.raise_for_status().json()["data"]
    found = [_span_of_jaeger(span, trace["processes"]) for trace in traces for span in trace["spans"]]
    return sorted(found, key=lambda span: span.start)


def _span_of_jaeger(span: dict[str, Any], processes: dict[str, Any]) -> Span:
    process = processes[span["processID"]]
    tags = {tag["key"]: tag["value"] for tag in span["tags"]}
    of_process = {tag["key"]: tag["value"] for tag in process["tags"]}
    parents = [one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"]
    return Span(
        trace_id=span["traceID"],
        span_id=span["spanID"],
        parent_span_id=next(iter(parents), None),
        name=span["operationName"],
        kind=str(tags.get("span.kind", "")).upper(),
        service=process["serviceName"],
        instance=of_process.get("service.instance.id"),
        start=int(span["startTime"]) * 1000,
        duration=int(span["duration"]) * 1000,
        error=bool(tags.get("error")),
        attributes=tags,
        exceptions=tuple(_exceptions(span, process["serviceName"])),
    )


def _exceptions(span: dict[str, Any], service: str) -> Iterator[Log]:
    for event in span.get("logs") or ():
        fields = {field["key"]: field["value"] for field in event["fields"]}
        if fields.pop("event", None) == EXCEPTION:
            when = int(event["timestamp"]) * 1000
            yield Log(when, "ERROR", recorded(fields), EXCEPTION, None, span["spanID"], service, fields, on_span=True)
