"""The canary on the real stack: every store of the usual backends is measured, and is as fresh as is promised."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from vitals.backends.backend_table import Place

from .conftest import VITALS, Stack, eventually

PROMISED: dict[Place, float] = {"elasticsearch spans": 2.0, "elasticsearch logs": 2.0, "jaeger": 2.0, "prometheus": 3.0}
CANARIES = 10


def _by_store(stack: Stack, promql: str) -> dict[str, float]:
    return {json.loads(labels)["store"]: value for labels, value in stack.query(f"sum by (store) ({promql})").items()}


def test_the_stack_measures_every_store_of_its_backends(stack: Stack) -> None:
    found = eventually(
        lambda: _by_store(stack, 'vitals_freshness_seconds_count{job="canary"}'),
        lambda found: found.keys() == PROMISED.keys(),
        within=60,
        why="each store has its first canary",
    )
    assert all(count >= 1 for count in found.values())
    assert _by_store(stack, "vitals_canary_lost_total").keys() == PROMISED.keys(), "at 0 until one is lost"


@pytest.fixture
def another_canary(stack: Stack) -> Iterator[str]:
    """A canary of the test's own, every second; gives its instance."""
    environment = {
        **stack.environment,
        "CANARY_INTERVAL": "1s",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stack.settings.otlp_grpc_port}",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=canary-of-a-test",
    }
    process = subprocess.Popen([VITALS, "canary"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield "canary-of-a-test"
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=30)
        print(said)
    assert process.returncode == 0
    assert "WARNING" not in said


def test_what_it_finds_is_within_what_is_promised(stack: Stack, another_canary: str) -> None:
    """Two canaries of three at least: where a machine has other work one may be late, and p99 is measured elsewhere."""
    chosen = f'job="canary",instance="{another_canary}"'
    counts = eventually(
        lambda: _by_store(stack, f"vitals_freshness_seconds_count{{{chosen}}}"),
        lambda found: found.keys() == PROMISED.keys() and min(found.values()) >= CANARIES,
        within=60,
        why="ten canaries in every store",
    )
    for store, seconds in PROMISED.items():
        up_to = f'store="{store}",le=~"{seconds:.0f}([.]0)?"'
        [in_time] = stack.query(f"vitals_freshness_seconds_bucket{{{chosen},{up_to}}}").values()
        assert in_time >= counts[store] * 2 / 3, store
        of_store = f'{{{chosen},store="{store}"}}'
        [mean] = stack.query(f"vitals_freshness_seconds_sum{of_store} / vitals_freshness_seconds_count{of_store}").values()
        assert 0.01 < mean < seconds, store
    assert stack.total(f"vitals_canary_sent_total{{{chosen}}}") >= CANARIES
    assert stack.total(f'vitals_canary_sent_total{{{chosen},error_type!=""}}') == 0
    assert stack.total(f"vitals_canary_lost_total{{{chosen}}}") == 0


def test_a_canary_is_a_request_like_any_other_but_for_the_model(stack: Stack) -> None:
    before = stack.total('ml_predictions_total{job="vitals"}')
    answer = httpx.get(f"{stack.url}/health/canary", timeout=30).raise_for_status().json()
    view = stack.follow(answer["trace_id"], lambda view: bool(view.logs and view.jaeger_spans and view.elasticsearch_spans))
    [span] = view.jaeger_spans
    assert (span.name, span.kind, span.instance) == ("GET /health/canary", "SERVER", answer["instance"])
    [log] = view.logs
    assert (log.event, log.severity, log.span_id) == ("vitals.canary", "INFO", span.span_id)
    eventually(lambda: stack.stores.answered("/health/canary", answer["instance"]), lambda count: count >= answer["answered"])
    assert stack.total('ml_predictions_total{job="vitals"}') == before
