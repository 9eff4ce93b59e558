"""Holds what was answered against what each store has, and what is not there against what was counted as dropped.

Elasticsearch is read page by page from one point in time, Jaeger by windows of time, Prometheus by its counters: every document
and every span is looked at, however many there are.
"""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import httpx2 as httpx

from ..stack.conftest import Stack
from .ledger import Account, Balance, Item, Totals
from .load import Answer

PAGE = 10_000
"""Documents in one answer of Elasticsearch: the most that it gives."""

WINDOW_SECONDS = 5.0
TRACES_A_WINDOW = 10_000
"""A window of Jaeger's with as many is asked for again in halves: there may be more."""

_SpanKey = tuple[str, str, int]
"""Trace id, span id and start in microseconds: what one span has, however often it is stored."""


def balance(stack: Stack, service_name: str, answers: Iterable[Answer], *, within: float = 60, complete: bool = True) -> Balance:
    """The balance of a service whose load is over and which still runs: once it is complete, or else after `within` seconds.

    `complete=False`: as soon as it holds, drops allowed. Prometheus and Jaeger are asked about the life of the load.
    """
    sent = list(answers)
    answered = [one for one in sent if one.ok]
    deadline = time.monotonic() + within
    while True:
        last_look = time.monotonic() > deadline
        try:
            if last_look or _settled(stack, service_name, len(answered)):
                found = _look(stack, service_name, answered, len(sent) - len(answered))
                if last_look or (found.complete if complete else found.holds):
                    return found
        except httpx.HTTPError:
            if last_look:
                raise
        time.sleep(1)


def _settled(stack: Stack, service: str, answered: int) -> bool:
    """Whether it is worth while to look at every document: the counters are there, and all that was not dropped is counted."""
    if last(stack, f'ml_predictions_total{{job="{service}"}}') < answered:
        return False
    places: tuple[tuple[Item, str], ...] = (("span", "traces-*"), ("log", "logs-*"))
    for item, index in places:
        emitted, dropped = _emitted(stack, service, item), sum(drops(stack, service, item).values())
        if _count(stack, index, service) < emitted - dropped:
            return False
    return True


def _look(stack: Stack, service: str, answered: list[Answer], in_doubt: int) -> Balance:
    ids = [str(one.trace_id) for one in answered]
    of_requests = {"attributes.http.route": "/predict", "kind": "Server"}
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(_in_jaeger, stack, service, answered)
        elasticsearch_spans, all_spans = _in_elasticsearch(stack, "traces-*", service, of_requests)
        elasticsearch_logs, all_logs = _in_elasticsearch(stack, "logs-*", service, {"event_name": "ml.prediction"})
        jaeger, all_in_jaeger = asked.result()
    counters = {
        "prometheus ml_predictions_total": f'ml_predictions_total{{job="{service}"}}',
        "prometheus http_server_request_duration_seconds": (
            f'http_server_request_duration_seconds_count{{job="{service}",http_route="/predict"}}'
        ),
    }
    return Balance(
        (
            _account("elasticsearch logs", ids, elasticsearch_logs),
            _account("elasticsearch spans", ids, elasticsearch_spans),
            _account("jaeger spans", ids, jaeger),
            *(Account(place, len(ids), int(last(stack, promql)), 0, in_doubt=in_doubt) for place, promql in counters.items()),
        ),
        (
            _totals(stack, service, "span", {"elasticsearch": all_spans, "jaeger": all_in_jaeger}),
            _totals(stack, service, "log", {"elasticsearch": all_logs}),
        ),
    )


def _account(place: str, ids: list[str], found: collections.Counter[str]) -> Account:
    missing = tuple(one for one in ids if not found[one])
    return Account(place, len(ids), len(ids) - len(missing), sum(count - 1 for count in found.values()), missing)


def _totals(stack: Stack, service: str, item: Item, stored: dict[str, int]) -> Totals:
    return Totals(item, _emitted(stack, service, item), stored, drops(stack, service, item))


def _emitted(stack: Stack, service: str, item: Item) -> int:
    name = {"span": "otel_sdk_span_started_total", "log": "otel_sdk_log_created_total"}[item]
    return int(last(stack, f'{name}{{job="{service}"}}'))


def drops(stack: Stack, service: str, item: Literal["span", "log", "metric_data_point"]) -> dict[str, int]:
    """What a service counted as dropped, by reason: in front of its exporter and in it."""
    counted: collections.Counter[str] = collections.Counter()
    for name in (f"otel_sdk_processor_{item}_processed_total", f"otel_sdk_exporter_{item}_exported_total"):
        by_reason = f'sum by (error_type) (last_over_time({name}{{job="{service}",error_type!=""}}[1h]))'
        answer = stack.stores.prometheus.get("/api/v1/query", params={"query": by_reason}).raise_for_status().json()
        for one in answer["data"]["result"]:
            counted[one["metric"]["error_type"]] += int(float(one["value"][1]))
    return {reason: count for reason, count in counted.items() if count}


def last(stack: Stack, selector: str) -> float:
    """The sum of series as they were last, also where they are of a process that is gone."""
    return stack.total(f"sum(last_over_time({selector}[1h]))")


def _in_elasticsearch(stack: Stack, index: str, service: str, terms: dict[str, str]) -> tuple[collections.Counter[str], int]:
    """How often each trace id is among the service's documents with these terms; and how many documents it has at all."""
    query = {"bool": {"filter": [*_said_by(service, index), *({"term": {field: value}} for field, value in terms.items())]}}
    found = collections.Counter(hit["fields"]["trace_id"][0] for hit in pages(stack.stores.elasticsearch, index, query))
    return found, _count(stack, index, service)


def _count(stack: Stack, index: str, service: str) -> int:
    query = {"query": {"bool": {"filter": _said_by(service, index)}}}
    return int(stack.stores.elasticsearch.post(f"/{index}/_count", json=query).raise_for_status().json()["count"])


def _said_by(service: str, index: str) -> list[dict[str, Any]]:
    """What a process of the service said itself: alerts about it are stored under its name too, but are of no process."""
    said: list[dict[str, Any]] = [
        {"term": {"resource.attributes.service.name": service}},
        {"exists": {"field": "resource.attributes.service.instance.id"}},
    ]
    if index.startswith("logs"):  # events of spans are stored beside the logs; only what was a log record has a severity
        said.append({"exists": {"field": "severity_number"}})
    return said


def pages(
    client: httpx.Client, index: str, query: dict[str, Any], fields: tuple[str, ...] = ("trace_id",)
) -> Iterator[dict[str, Any]]:
    """Every document that matches at one point in time, however many; each with the named fields."""
    opened = client.post(f"/{index}/_pit", params={"keep_alive": "1m", "ignore_unavailable": "true"}).raise_for_status()
    point = {"id": opened.json()["id"], "keep_alive": "1m"}
    try:
        after: dict[str, Any] = {}
        while True:
            asked = {"query": query, "pit": point, "size": PAGE, "_source": False, "docvalue_fields": list(fields), **after}
            asked |= {"sort": [{"_shard_doc": "asc"}], "track_total_hits": False}
            hits = client.post("/_search", json=asked).raise_for_status().json()["hits"]["hits"]
            yield from hits
            if len(hits) < PAGE:
                return
            after = {"search_after": hits[-1]["sort"]}
    finally:
        client.request("DELETE", "/_pit", json={"id": point["id"]})


def _in_jaeger(stack: Stack, service: str, answered: list[Answer]) -> tuple[collections.Counter[str], int]:
    """How often each trace id has the SERVER span of a prediction; and how many spans of the service there are."""
    if not answered:
        return collections.Counter(), 0
    # From the monotonic clock to the wall's; the service was started a minute before its first answer at the most.
    offset = time.time() - time.monotonic()
    begin = min(one.scheduled for one in answered) + offset - 90
    windows = math.ceil((time.time() - begin) / WINDOW_SECONDS)
    begins = [begin + number * WINDOW_SECONDS for number in range(windows)]
    predictions: dict[_SpanKey, int] = {}
    others: set[_SpanKey] = set()
    # Jaeger is slower than who reads it: it has other cores to use while an answer is read.
    with ThreadPoolExecutor(3) as at_once:
        for found in at_once.map(lambda one: _window(stack, service, one, one + WINDOW_SECONDS), begins):
            for key, (operation, times) in found.items():
                if operation == "POST /predict":
                    predictions.setdefault(key, times)  # a trace in two windows is one
                else:
                    others.add(key)
    twice: collections.Counter[str] = collections.Counter()
    for (trace_id, _, _), times in predictions.items():
        twice[trace_id] += times
    return twice, len(predictions) + len(others)


def _window(stack: Stack, service: str, begin: float, end: float) -> dict[_SpanKey, tuple[str, int]]:
    """The spans of a period: what each was for, and how often it is stored."""
    microseconds = {"start": int(begin * 1e6), "end": int(end * 1e6)}
    asked = {"service": service, **microseconds, "limit": TRACES_A_WINDOW}
    answer = stack.stores.jaeger.get("/api/traces", params=asked, timeout=60).raise_for_status()
    traces = answer.json()["data"]
    if len(traces) >= TRACES_A_WINDOW and end - begin >= 0.01:
        middle = (begin + end) / 2
        return {**_window(stack, service, begin, middle), **_window(stack, service, middle, end)}
    found: dict[_SpanKey, tuple[str, int]] = {}
    for trace in traces:
        for one in trace["spans"]:
            key = (one["traceID"], one["spanID"], int(one["startTime"]))
            _, times = found.get(key, ("", 0))
            found[key] = one["operationName"], times + 1
    return found
