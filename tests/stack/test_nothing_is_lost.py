"""What was answered is stored, once: under concurrency, over several workers, and through a shutdown under load."""

from __future__ import annotations

import collections
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx

from vitals.host.ports import listeners

from .conftest import ROW, AnotherService, Stack, eventually


def _ask(url: str, count: int, threads: int = 20) -> list[str]:
    """Send `count` predictions on `threads` connections, which begin at once; gives the trace ids of the answers."""
    together = threading.Barrier(threads)

    def one_connection(share: int) -> list[str]:
        with httpx.Client(base_url=url, timeout=30) as client:
            together.wait(60)
            return [client.post("/predict", json={"features": ROW}).raise_for_status().json()["trace_id"] for _ in range(share)]

    with ThreadPoolExecutor(threads) as many:
        return [trace_id for ids in many.map(one_connection, [count // threads] * threads) for trace_id in ids]


def _of_service(name: str, **terms: Any) -> dict[str, Any]:
    wanted = [{"term": {"resource.attributes.service.name": name}}, *({"term": {k: v}} for k, v in terms.items())]
    return {"bool": {"filter": wanted}}


def _trace_ids(documents: list[dict[str, Any]]) -> collections.Counter[str]:
    return collections.Counter(document["trace_id"] for document in documents)


def _found(stack: Stack, index: str, query: dict[str, Any]) -> collections.Counter[str]:
    """How often each trace is there; nothing while Elasticsearch is away."""
    try:
        return _trace_ids(stack.documents(index, query))
    except httpx.HTTPError:
        return collections.Counter()


def _stored_once(stack: Stack, name: str, answered: list[str], within: float = 30) -> None:
    """Each answered request has one SERVER span in Elasticsearch and in Jaeger and one prediction log; none has two."""
    expected = collections.Counter(answered)
    spans = _of_service(name, **{"attributes.http.route": "/predict", "kind": "Server"})
    logs = _of_service(name, event_name="ml.prediction")
    for index, query in (("traces-*", spans), ("logs-*", logs)):
        found = eventually(
            lambda index=index, query=query: _found(stack, index, query),
            lambda found: set(expected) <= set(found),
            within=within,
            why=f"every answered request is in {index}",
        )
        assert {trace_id: found[trace_id] for trace_id in expected} == expected, f"duplicates in {index}"

    def in_jaeger(trace_id: str) -> int:
        return sum(span.name == "POST /predict" for span in stack.stores.jaeger_spans(trace_id))

    with ThreadPoolExecutor(8) as many:
        missing = set(answered)

        def all_there() -> set[str]:
            found = dict(zip(list(missing), many.map(in_jaeger, list(missing)), strict=True))
            assert max(found.values(), default=0) <= 1, "duplicates in Jaeger"
            missing.difference_update(trace_id for trace_id, count in found.items() if count)
            return missing

        eventually(all_there, lambda left: not left, why="every answered request is in Jaeger")


def test_200_concurrent_requests_are_200_everywhere(stack: Stack) -> None:
    with stack.another_service("concurrent") as service:
        answered = _ask(service.url, 200, threads=200)
        assert len(set(answered)) == 200
        eventually(
            lambda: stack.total('ml_predictions_total{job="concurrent"}'), lambda total: total == 200, why="the counter is at 200"
        )
        _stored_once(stack, "concurrent", answered)
        assert stack.total('http_server_request_duration_seconds_count{job="concurrent",http_route="/predict"}') == 200


def test_two_workers_add_up(stack: Stack) -> None:
    with stack.another_service("two-workers", SERVICE_WORKERS="2") as service:
        answered: list[str] = []

        def both_have_served() -> int:
            answered.extend(_ask(service.url, 40))
            return len(stack.query('sum by (instance) (ml_predictions_total{job="two-workers"}) > 0'))

        eventually(both_have_served, lambda instances: instances == 2, why="each worker is an instance that served")
        answered.extend(_ask(service.url, 200))
        for counter in (
            'ml_predictions_total{job="two-workers"}',
            'http_server_request_duration_seconds_count{job="two-workers",http_route="/predict"}',
        ):
            eventually(
                lambda counter=counter: stack.total(counter),
                lambda total: total == len(answered),
                why=f"{counter}, summed over both workers, is what was answered",
            )


def test_sigterm_under_load_loses_nothing_that_was_answered(stack: Stack) -> None:
    with stack.another_service("drained") as service:
        answered = _under_load(service, signal.SIGTERM)
        assert service.process.wait(60) == 0, service.output
    assert len(answered) > 50, "the load did not get going"
    _stored_once(stack, "drained", answered)
    eventually(
        lambda: stack.total('ml_predictions_total{job="drained"}'),
        lambda total: total >= len(answered),
        why="the last counts were delivered too",
    )


def test_elasticsearch_and_the_collector_killed_under_load_lose_nothing(stack: Stack) -> None:
    """Both are started again by their supervisor; what they had taken is on disk, what is sent again is known by its id."""
    answered: list[str] = []
    stop = threading.Event()
    with stack.another_service("killed") as service, ThreadPoolExecutor(1) as aside:
        asking = aside.submit(_ask_until, stop, service.url, answered)
        for port in (stack.settings.elasticsearch_port, stack.settings.otlp_grpc_port):
            so_far = _answered(stack, "killed")
            eventually(lambda so_far=so_far: _answered(stack, "killed") > so_far, why="the load goes on")
            holder = listeners()[port]
            assert holder is not None
            holder.kill()
        begun = len(answered)
        eventually(lambda: len(answered), lambda now: now > begun + 1000, why="a thousand more are answered meanwhile")
        stop.set()
        asking.result()
        _stored_once(stack, "killed", answered, within=120)
        eventually(lambda: _answered(stack, "killed"), lambda total: total == len(answered), why="the counter is exact")


def _ask_until(stop: threading.Event, url: str, answered: list[str]) -> None:
    """Ask some 300 times a second on one connection, until told to stop."""
    with httpx.Client(base_url=url, timeout=30) as client:
        while not stop.wait(0.001):
            answered.append(client.post("/predict", json={"features": ROW}).raise_for_status().json()["trace_id"])


def _answered(stack: Stack, name: str) -> float:
    return stack.total(f'ml_predictions_total{{job="{name}"}}')


def _under_load(service: AnotherService, signal_number: int) -> list[str]:
    """Ask on 16 connections until the service is gone, which it is told to be after half a second of answers."""
    answered: list[str] = []
    going = threading.Event()

    def one_connection(_: int) -> None:
        with httpx.Client(base_url=service.url, timeout=10) as client:
            while True:
                try:
                    response = client.post("/predict", json={"features": ROW})
                except httpx.HTTPError:
                    return  # not answered
                if response.status_code == 200:
                    answered.append(response.json()["trace_id"])
                    going.set()

    with ThreadPoolExecutor(16) as many:
        asking = [many.submit(one_connection, number) for number in range(16)]
        assert going.wait(30)
        begun, start = len(answered), time.monotonic()
        while time.monotonic() < start + 0.5 or len(answered) < begun + 50:
            time.sleep(0.01)
        service.process.send_signal(signal_number)
        for one in asking:
            one.result()
    return answered


def test_from_answer_to_searchable_in_elasticsearch(stack: Stack, capsys: Any) -> None:
    """The promise: p99 of 100 requests within 2 s."""

    def measure(_: int) -> float:
        trace_id = stack.predict().json()["trace_id"]
        answered = time.monotonic()
        query = {"term": {"trace_id": trace_id}}
        while not (stack.documents("logs-*", query) and stack.documents("traces-*", query)):
            assert time.monotonic() < answered + 30, "not searchable after 30 s"
            time.sleep(0.02)
        return time.monotonic() - answered

    with ThreadPoolExecutor(4) as few:
        seconds = sorted(few.map(measure, range(100)))
    median, worst = seconds[49], seconds[98]
    with capsys.disabled():
        print(f"\nanswer → span and log searchable in Elasticsearch, 100 requests: p50 {median:.2f} s, p99 {worst:.2f} s")
    assert worst <= 2.0


def test_from_answer_to_prometheus(stack: Stack, capsys: Any) -> None:
    """The promise: within 3 s, for the counter and for the exemplar."""

    def measure() -> tuple[float, float]:
        before = _answered(stack, "vitals")
        trace_id = stack.predict().json()["trace_id"]
        answered = time.monotonic()
        eventually(lambda: _answered(stack, "vitals"), lambda total: total > before)
        counted = time.monotonic() - answered
        eventually(lambda: stack.stores.exemplars(trace_id), why="the request is an exemplar")
        return counted, time.monotonic() - answered

    counters, exemplars = zip(*(measure() for _ in range(20)), strict=True)
    with capsys.disabled():
        print(
            f"\nanswer → Prometheus, 20 requests: counter p50 {sorted(counters)[9]:.2f} s, longest {max(counters):.2f} s; "
            f"exemplar p50 {sorted(exemplars)[9]:.2f} s, longest {max(exemplars):.2f} s"
        )
    assert max(counters) <= 3.0
    assert max(exemplars) <= 3.0
