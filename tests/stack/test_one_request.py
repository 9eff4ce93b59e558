"""One request, followed everywhere: the golden path, and every way a request can fail."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from vitals.lookup.records import Span, TraceView

from .conftest import BREAKS_THE_MODEL, ROW, Stack, eventually


def _traceparent(trace_id: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}


def whole(view: TraceView) -> bool:
    """In every store, with both spans: they may leave the service in two batches."""
    return view.complete and len(view.elasticsearch_spans) == len(view.jaeger_spans) == 2


def _server_spans(spans: list[Span]) -> list[Span]:
    return [span for span in spans if span.kind == "SERVER"]


def test_an_incoming_trace_id_is_kept_in_every_store(stack: Stack) -> None:
    trace_id = secrets.token_hex(16)
    answer = stack.predict(headers=_traceparent(trace_id)).json()
    assert answer["trace_id"] == trace_id
    view = stack.follow(trace_id, whole)
    for spans in (view.elasticsearch_spans, view.jaeger_spans):
        assert sorted(span.name for span in spans) == ["POST /predict", "predict batch"]
        [server] = _server_spans(spans)
        assert server.attributes["ml.prediction.id"] == answer["prediction_id"]
        assert server.attributes["http.response.status_code"] == 200
    [log] = [log for log in view.logs if log.event == "ml.prediction"]
    assert log.attributes["ml.prediction.id"] == answer["prediction_id"]
    assert log.span_id == _server_spans(view.elasticsearch_spans)[0].span_id
    of_requests = [one for one in view.exemplars if one.metric == "http_server_request_duration_seconds_bucket"]
    assert {one.labels["http_route"] for one in of_requests} == {"/predict"}


@pytest.mark.parametrize(
    ("method", "path", "row", "status", "name", "event", "error"),
    [
        ("POST", "/predict", {**ROW, "petal_width": "wide"}, 422, "POST /predict", "ml.validation.failed", False),
        ("GET", "/no/such/path", None, 404, "GET", None, False),
        ("POST", "/predict", BREAKS_THE_MODEL, 500, "POST /predict", None, True),
    ],
    ids=["422", "404", "exception in the model"],
)
def test_a_failed_request_is_a_span_a_log_a_metric_and_a_problem(
    stack: Stack, method: str, path: str, row: Any, status: int, name: str, event: str | None, error: bool
) -> None:
    import httpx2 as httpx

    trace_id = secrets.token_hex(16)
    counted = f'http_server_request_duration_seconds_count{{http_response_status_code="{status}"}}'
    before = stack.total(counted)
    body = None if row is None else {"features": row}
    response = httpx.request(method, stack.url + path, json=body, headers=_traceparent(trace_id), timeout=30)

    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["trace_id"] == trace_id
    assert "Traceback" not in response.text

    def stored(view: TraceView) -> bool:
        logged = any(not log.on_span for log in view.logs)
        return bool(_server_spans(view.elasticsearch_spans) and _server_spans(view.jaeger_spans) and logged)

    view = stack.follow(trace_id, stored)
    for spans in (view.elasticsearch_spans, view.jaeger_spans):
        [server] = _server_spans(spans)
        assert server.name == name
        assert server.attributes["http.response.status_code"] == status
        assert server.error is error
    [log] = view.logs
    assert (log.event, log.span_id) == (event, _server_spans(view.elasticsearch_spans)[0].span_id)
    assert ("exception.stacktrace" in log.attributes) is error
    eventually(lambda: stack.total(counted), lambda now: now >= before + 1, why=f"the metric counts the {status}")


def test_the_joined_view_is_there_for_people_and_programs(stack: Stack) -> None:
    trace_id = stack.predict().json()["trace_id"]
    stack.follow(trace_id, whole)
    shown = stack.vitals("trace", trace_id, "--wait", "30")
    assert shown.returncode == 0, shown.stderr
    for expected in ("1 log record", "Exemplars", "POST /predict", "predict batch", "ml.prediction", "█"):
        assert expected in shown.stdout
    assert "Not in" not in shown.stdout
    document = json.loads(stack.vitals("trace", trace_id, "--json").stdout)
    assert (document["trace_id"], document["found"], document["missing"]) == (trace_id, True, [])
    assert document["prometheus"]["exemplars"]
    assert document["elasticsearch"]["logs"][0]["event"] == "ml.prediction"
    assert len(document["elasticsearch"]["spans"]) == len(document["jaeger"]["spans"]) == 2


def test_a_trace_that_nobody_has_is_said_to_be_missing_and_why(stack: Stack) -> None:
    shown = stack.vitals("trace", secrets.token_hex(16))
    assert shown.returncode == 1
    assert shown.stdout.count("Not in") == 4
    assert "Usual:" in shown.stdout
    wrong = stack.vitals("trace", "12ab")
    assert wrong.returncode == 2
    assert "is no trace id" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_requests_of_one_batch_find_their_batch_by_its_links(stack: Stack) -> None:
    """The batch's span has one parent; the others' views show it as linked."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as many:
        ids = [answer.json()["trace_id"] for answer in many.map(lambda _: stack.predict(), range(64))]

    def with_batch(view: TraceView) -> bool:
        return {"POST /predict", "predict batch"} <= {span.name for span in view.elasticsearch_spans}

    views = [stack.follow(trace_id, with_batch) for trace_id in ids]
    linked = [span for view in views for span in view.elasticsearch_spans if span.trace_id != view.trace_id]
    own = [span for view in views for span in view.elasticsearch_spans if span.trace_id == view.trace_id]
    assert len([span for span in own if span.name == "POST /predict"]) == len(ids)
    assert all(span.name == "predict batch" for span in linked)
