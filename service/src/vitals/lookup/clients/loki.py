"""Loki as a store of logs: records that came over OTLP, with the trace id and the attributes as structured metadata."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2 as httpx

from vitals.lookup.records import Log

MOST = 1000
"""Records of one trace that are fetched; more can't be read in a terminal."""

LOG_AGE = timedelta(days=7)
"""How far back records are searched; a whole query may span 30 days at most, unless Loki is told otherwise."""

_NOT_ATTRIBUTES = {
    "trace_id",
    "span_id",
    "flags",
    "severity_number",
    "severity_text",
    "detected_level",
    "event_name",
    "scope_name",
}
"""What Loki puts beside a record's attributes, under names of its own; labels of the resource are left among the attributes."""


def logs(client: httpx.Client, trace_id: str) -> list[Log]:
    """The trace's log records of the last seven days, oldest first."""
    now = datetime.now(UTC)
    response = client.get(
        "/loki/api/v1/query_range",
        params={
            # Every stream has a service_name: Loki makes one where the resource has none.
            "query": f'{{service_name=~".+"}} | trace_id="{trace_id}"',
            "start": _nanoseconds(now - LOG_AGE),
            "end": _nanoseconds(now + timedelta(minutes=1)),
            "limit": MOST,
            "direction": "forward",
        },
    )
    streams = response.raise_for_status().json()["data"]["result"]
    found = [_log_of_line(stream["stream"], when, line) for stream in streams for when, line in stream["values"]]
    return sorted(found, key=lambda log: log.time)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


def _log_of_line(found: dict[str, str], when: str, line: str) -> Log:
    """Labels and structured metadata come as one; Loki writes their names with underscores for dots."""
    return Log(
        time=int(when),
        severity=found.get("severity_text", ""),
        body=line,
        event=found.get("event_name") or None,
        logger=found.get("scope_name"),
        span_id=found.get("span_id") or None,
        service=found.get("service_name", "?"),
        attributes={name: value for name, value in found.items() if name not in _NOT_ATTRIBUTES},
    )
