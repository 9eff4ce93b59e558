"""VictoriaLogs as a store of logs: records that came over OTLP, each attribute a field under its own name."""

from __future__ import annotations

import json
from typing import Any

import httpx2 as httpx

from vitals.lookup.clients.elasticsearch import nanoseconds
from vitals.lookup.records import Log

MOST = 1000
"""Records of one trace that are fetched; more can't be read in a terminal."""

_NOT_ATTRIBUTES = {
    "_time",
    "_msg",
    "_stream",
    "_stream_id",
    "trace_id",
    "span_id",
    "flags",
    "severity_number",
    "severity_text",
    "event_name",
    "scope.name",
    "scope.version",
}
"""What it puts beside a record's attributes (app/vlinsert/opentelemetry/pb.go); the resource's are left among these."""


def logs(client: httpx.Client, trace_id: str) -> list[Log]:
    """The trace's log records, oldest first. Without a range of time it looks through all that it keeps."""
    asked = {"query": f'trace_id:="{trace_id}" | sort by (_time) limit {MOST}'}
    response = client.post("/select/logsql/query", data=asked).raise_for_status()
    return [_log(json.loads(line)) for line in response.text.splitlines()]


def _log(found: dict[str, Any]) -> Log:
    """A line of its answer; values are texts, whatever they were."""
    return Log(
        time=nanoseconds(found["_time"]),
        severity=found.get("severity_text", ""),
        body=found.get("_msg", ""),
        event=found.get("event_name") or None,
        logger=found.get("scope.name"),
        span_id=found.get("span_id") or None,
        service=found.get("service.name", "?"),
        attributes={name: value for name, value in found.items() if name not in _NOT_ATTRIBUTES},
    )
