"""Asking the stores about one trace: Prometheus for exemplars, Elasticsearch for spans and logs, Jaeger for spans."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx

from vitals.settings import StackSettings
from vitals.stack.records import Exemplar, Log, Place, Span
from vitals.stack.secrets import Secrets

READER = "reader"
MOST = 1000
"""Spans, or logs, of one trace that are fetched; more can't be read in a terminal."""

_EXEMPLAR_AGE = timedelta(hours=6)
_TIMEOUT_SECONDS = 10.0


class Stores:
    """HTTP clients of the three stores, with the reader's rights only, past any proxy.

    Raises httpx.HTTPError where a store does not answer, ValueError or LookupError where something else answers in its place.
    """

    def __init__(self, settings: StackSettings) -> None:
        self.unused = unused_places(settings)
        password = Secrets(settings.vitals_state_dir / "secrets").password("reader")
        self.elasticsearch = httpx.Client(
            base_url=_address("ELASTICSEARCH_URL", settings.elasticsearch_port),
            auth=(READER, password),
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        )
        self.prometheus = httpx.Client(
            base_url=_address("PROMETHEUS_URL", settings.prometheus_port), timeout=_TIMEOUT_SECONDS, trust_env=False
        )
        self.jaeger = httpx.Client(
            base_url=_address("JAEGER_URL", settings.jaeger_port), timeout=_TIMEOUT_SECONDS, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        for client in (self.elasticsearch, self.prometheus, self.jaeger):
            client.close()

    def search(self, index: str, query: dict[str, Any], *, size: int = MOST) -> list[dict[str, Any]]:
        """The `_source` of the documents in `index` that match, oldest first."""
        response = self.elasticsearch.post(
            f"/{index}/_search",
            params={"ignore_unavailable": "true", "allow_no_indices": "true"},
            json={"query": query, "size": size, "sort": [{"@timestamp": {"order": "asc", "unmapped_type": "date"}}]},
        )
        hits = response.raise_for_status().json()["hits"]["hits"]
        return [hit["_source"] for hit in hits]

    def elasticsearch_spans(self, trace_id: str) -> list[Span]:
        """The trace's spans, and the spans of other traces that link to it (the batch that served it), oldest first."""
        either = [{"term": {"trace_id": trace_id}}, {"term": {"links.trace_id": trace_id}}]
        query = {"bool": {"should": either, "minimum_should_match": 1}}
        spans = [_span_of_document(document) for document in self.search("traces-*", query)]
        return sorted(spans, key=lambda span: span.start)

    def elasticsearch_logs(self, trace_id: str) -> list[Log]:
        """The trace's log records, oldest first; events of spans, which are stored beside them, are left to the spans."""
        query = {"bool": {"filter": [{"term": {"trace_id": trace_id}}, {"exists": {"field": "severity_number"}}]}}
        logs = [_log_of_document(document) for document in self.search("logs-*", query)]
        return sorted(logs, key=lambda log: log.time)

    def jaeger_spans(self, trace_id: str) -> list[Span]:
        """The trace's spans in Jaeger, oldest first."""
        response = self.jaeger.get(f"/api/traces/{trace_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return []
        traces = response.raise_for_status().json()["data"]
        spans = [_span_of_jaeger(span, trace["processes"]) for trace in traces for span in trace["spans"]]
        return sorted(spans, key=lambda span: span.start)

    def exemplars(self, trace_id: str) -> list[Exemplar]:
        """The exemplars of the last six hours that name the trace."""
        return [exemplar for exemplar in self.all_exemplars() if exemplar.trace_id == trace_id]

    def all_exemplars(self) -> list[Exemplar]:
        """The exemplars of the last six hours, of every histogram."""
        now = datetime.now(UTC)
        response = self.prometheus.get(
            "/api/v1/query_exemplars",
            params={
                "query": '{__name__=~".+_bucket"}',
                "start": (now - _EXEMPLAR_AGE).timestamp(),
                "end": (now + timedelta(minutes=1)).timestamp(),
            },
        )
        return [
            _exemplar(series["seriesLabels"], exemplar)
            for series in response.raise_for_status().json()["data"]
            for exemplar in series["exemplars"]
        ]


def _address(variable: str, port: int) -> str:
    """Loopback, unless SECRETS_DIR says that this is one of the stack's own containers: there the variable names the engine."""
    return (os.environ.get(variable) if "SECRETS_DIR" in os.environ else None) or f"http://127.0.0.1:{port}"


def unused_places(settings: StackSettings) -> dict[Place, str]:
    """The places that these backends send nothing to, each with the option that says so."""
    traces = settings.traces_backend.split("+")
    used: dict[Place, tuple[bool, str]] = {
        "prometheus": (settings.metrics_backend.startswith("prometheus"), f"METRICS_BACKEND is {settings.metrics_backend}"),
        "elasticsearch spans": ("elasticsearch" in traces, f"TRACES_BACKEND is {settings.traces_backend}"),
        "jaeger": ("jaeger" in traces, f"TRACES_BACKEND is {settings.traces_backend}"),
        "elasticsearch logs": (settings.logs_backend == "elasticsearch", f"LOGS_BACKEND is {settings.logs_backend}"),
    }
    return {place: f"nothing is sent there, since {option}." for place, (is_used, option) in used.items() if not is_used}


def _exemplar(labels: dict[str, str], exemplar: dict[str, Any]) -> Exemplar:
    kept = {name: value for name, value in labels.items() if name != "__name__"}
    return Exemplar(
        trace_id=exemplar["labels"].get("trace_id", ""),
        metric=labels["__name__"],
        labels=kept,
        value=float(exemplar["value"]),
        time=int(float(exemplar["timestamp"]) * 1e9),
    )


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
        start=_nanoseconds(document["@timestamp"]),
        duration=int(document.get("duration", 0)),
        error=document.get("status", {}).get("code") == "Error",
        attributes=document.get("attributes", {}),
    )


def _log_of_document(document: dict[str, Any]) -> Log:
    body = document.get("body", {})
    resource = document.get("resource", {}).get("attributes", {})
    return Log(
        time=_nanoseconds(document["@timestamp"]),
        severity=document.get("severity_text", ""),
        body=str(body.get("text", body.get("structured", ""))),
        event=document.get("event_name") or None,
        logger=document.get("scope", {}).get("name"),
        span_id=document.get("span_id") or None,
        service=resource.get("service.name", "?"),
        attributes=document.get("attributes", {}),
    )


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
    )


def _nanoseconds(timestamp: str | int | float) -> int:
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
