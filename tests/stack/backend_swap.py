"""What tests of swapping backends share: the swap itself, load meanwhile, and where a request was stored."""

from __future__ import annotations

import collections
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx

from vitals.host.ports import listeners
from vitals.lookup.clients import Stores
from vitals.lookup.records import TraceView
from vitals.lookup.trace_lookup import follow

from .conftest import ROW, Stack, eventually

SERVICE = "vitals"
SERIES = f'{{job="{SERVICE}", __name__!~"(traces_span_metrics|otel_sdk)_.*|vitals:.*|ALERTS.*"}}'
"""What the service sends: without span metrics (a Collector is one of their labels), the SDK's (a failed export is a new series),
and what Prometheus's rules make of it."""
COUNTER = f'sum(ml_predictions_total{{job="{SERVICE}"}})'


class Swapped:
    """The stack with other options; `said` is what `vitals up` told."""

    def __init__(self, stack: Stack, options: dict[str, str]) -> None:
        self.stack = Stack(stack.state, {**stack.environment, **options})
        before = pids(stack)
        done = self.stack.vitals("up")
        self.said = done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        after = pids(stack)
        assert after["service"] == before["service"], "the service runs on"
        assert after["collector"] != before["collector"], "the Collector is a new one"
        for engine in ("prometheus", "jaeger", "elasticsearch"):
            assert after[engine] == before[engine]
        self.stack.stores = Stores(self.stack.settings)


def pids(stack: Stack) -> dict[str, int]:
    """The process of each part, by the port that it listens on."""
    ports = {
        "service": stack.settings.service_port,
        "collector": stack.settings.otlp_grpc_port,
        "prometheus": stack.settings.prometheus_port,
        "jaeger": stack.settings.jaeger_port,
        "elasticsearch": stack.settings.elasticsearch_port,
    }
    found = listeners()
    return {name: found[port].pid for name, port in ports.items()}


@contextmanager
def asking(url: str) -> Iterator[list[str]]:
    """Predictions one after the other while the block runs; the trace ids of those that were answered, complete after it."""
    answered: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            while not stop.wait(0.02):
                answered.append(client.post("/predict", json={"features": ROW}).raise_for_status().json()["trace_id"])

    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(ask)
        try:
            eventually(lambda: len(answered) > 20 or asked.done(), why="the first answers")
            yield answered
            so_far = len(answered)
            eventually(lambda: len(answered) > so_far + 20 or asked.done(), why="answers after the swap")
        finally:
            stop.set()
        asked.result()


def logged_in_elasticsearch(stack: Stack, ids: set[str]) -> collections.Counter[str]:
    query = {"bool": {"filter": [{"term": {"event_name": "ml.prediction"}}, {"terms": {"trace_id": sorted(ids)}}]}}
    return collections.Counter(document["trace_id"] for document in stack.documents("logs-*", query))


def logged_in_victorialogs(stack: Stack, ids: set[str]) -> collections.Counter[str]:
    """By the fields that every record of the service has."""
    asked = {"query": f'service.name:="{SERVICE}" event_name:="ml.prediction" | fields trace_id'}
    answer = stack.stores.victorialogs.post("/select/logsql/query", data=asked).raise_for_status()
    found = [json.loads(line)["trace_id"] for line in answer.text.splitlines()]
    return collections.Counter(trace_id for trace_id in found if trace_id in ids)


def written(file: Path) -> list[dict[str, Any]]:
    """What a Collector's file exporter has written so far: one OTLP request a line, of which the last may be half written."""
    whole = file.read_text().rpartition("\n")[0] if file.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def logged_in_file(file: Path, ids: set[str]) -> collections.Counter[str]:
    records = [
        one for request in written(file) for r in request["resourceLogs"] for s in r["scopeLogs"] for one in s["logRecords"]
    ]
    return collections.Counter(
        one["traceId"] for one in records if one.get("eventName") == "ml.prediction" and one["traceId"] in ids
    )


def series(stack: Stack) -> set[str]:
    """Every series of the service, by its name and labels."""
    return set(stack.query(SERIES))


def settled(stack: Stack) -> float:
    """The counter, once it has been the same for three seconds: all that was answered before is counted.

    Some requests are sent first, so that every series is there that the service will ever have: a variance wants several, and the
    canary asks every ten seconds.
    """
    with asking(stack.url):
        pass
    asked = f'http_server_request_duration_seconds_count{{job="{SERVICE}", http_route="/health/canary"}}'
    eventually(lambda: stack.total(asked), why="the canary has asked")
    last, since = -1.0, time.monotonic()

    def same() -> bool:
        nonlocal last, since
        now = stack.total(COUNTER)
        if now != last:
            last, since = now, time.monotonic()
        return now > 0 and time.monotonic() > since + 3

    eventually(same, why="the counter rests")
    return last


def joined(view: TraceView) -> bool:
    """In every store that something is sent to, with both spans."""
    return view.complete and len(view.spans) == 2


def one_joined(stack: Stack) -> TraceView:
    """A request that every store in use has; an exemplar is not there for each request, so several may have to be sent."""
    views: list[TraceView] = []

    def seen() -> bool:
        trace_id = stack.predict().json()["trace_id"]
        views.append(stack.follow(trace_id, lambda view: len(view.spans) == 2 and bool(set(view.places) - set(view.missing))))
        views[-1:] = [_once_more(stack, trace_id)]
        return joined(views[-1])

    eventually(seen, within=60, why="a request is in every store that is in use")
    return views[-1]


def _once_more(stack: Stack, trace_id: str) -> TraceView:
    """As `vitals trace --wait` does it."""
    return follow(stack.stores, trace_id, wait_seconds=5, until=joined)


@contextmanager
def running(command: list[str | Path], health: str, folder: Path) -> Iterator[None]:
    """A server, ended with the block."""
    with (folder / "said.log").open("ab") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:

        def well() -> bool:
            assert process.poll() is None, (folder / "said.log").read_text()[-2000:]
            try:
                return httpx.get(health, timeout=2).is_success
            except httpx.HTTPError:
                return False

        eventually(well, within=60, why=f"{command[0]} answers")
        yield
    finally:
        process.terminate()
        process.wait(30)
