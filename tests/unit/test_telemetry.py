"""What one request leaves in telemetry: spans, metrics with exemplars, and logs that carry its trace id."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id

from vitals.telemetry import instrument

from .conftest import ROW, Emitted


def _trace_id(span: Any) -> str:
    return format_trace_id(span.context.trace_id)


def test_a_prediction_is_one_server_span_and_one_batch_span(client: TestClient, emitted: Emitted) -> None:
    answer = client.post("/predict", json={"features": ROW}).json()
    assert sorted((span.name, span.kind) for span in emitted.spans) == [
        ("POST /predict", SpanKind.SERVER),
        ("predict batch", SpanKind.INTERNAL),
    ]
    server, batch = emitted.span("POST /predict"), emitted.span("predict batch")
    assert _trace_id(server) == answer["trace_id"]
    assert server.attributes is not None
    assert {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "ml.model.name": "iris",
        "ml.model.version": answer["model"]["version"],
        "ml.prediction.id": answer["prediction_id"],
        "ml.prediction.class": "setosa",
        "ml.prediction.confidence": answer["confidence"],
    }.items() <= server.attributes.items()
    assert "http.method" not in server.attributes, "the old HTTP conventions are off"
    assert batch.parent is not None
    assert batch.parent.span_id == server.context.span_id
    assert [link.context.span_id for link in batch.links] == [server.context.span_id]


def test_a_prediction_is_one_event_that_belongs_to_its_span(client: TestClient, emitted: Emitted) -> None:
    answer = client.post("/predict", json={"features": ROW}).json()
    [event] = [log.log_record for log in emitted.logs if log.log_record.event_name == "ml.prediction"]
    assert format_trace_id(event.trace_id) == answer["trace_id"]
    assert event.span_id == emitted.span("POST /predict").context.span_id
    assert event.attributes["ml.prediction.id"] == answer["prediction_id"]
    assert len(event.attributes["log.record.uid"]) == 32
    assert "ml.prediction.features" not in event.attributes, "what was asked for is logged only where the operator says so"


def test_several_rows_are_one_event_and_one_batch_with_arrays(client: TestClient, emitted: Emitted) -> None:
    answer = client.post("/predict", json={"instances": [ROW] * 3}).json()
    [event] = [log.log_record for log in emitted.logs if log.log_record.event_name == "ml.prediction"]
    span = emitted.span("POST /predict")
    assert span.attributes is not None
    for written in (event.attributes, span.attributes):
        assert list(written["ml.prediction.id"]) == [one["prediction_id"] for one in answer["predictions"]]
        assert list(written["ml.prediction.class"]) == ["setosa"] * 3
        assert list(written["ml.prediction.confidence"]) == [one["confidence"] for one in answer["predictions"]]
    assert event.body == "predicted 3 rows"
    batch = emitted.span("predict batch")
    assert batch.attributes is not None
    assert batch.attributes["ml.inference.batch.size"] == 3


def test_every_log_record_has_an_id_of_its_own(client: TestClient, emitted: Emitted) -> None:
    for _ in range(20):
        client.post("/predict", json={"features": ROW})
    ids = [log.log_record.attributes["log.record.uid"] for log in emitted.logs]
    assert len(set(ids)) == len(ids) >= 20


def test_predictions_are_counted_from_zero(client: TestClient, emitted: Emitted) -> None:
    def counted() -> Counter[str]:
        """By all services of this process that serve the model: another test's may be among them."""
        found: Counter[str] = Counter()
        for point in emitted.points("ml.predictions"):
            if point.attributes["ml.model.name"] == "iris":
                found[point.attributes["ml.prediction.class"]] += point.value
        return found

    before = counted()
    assert set(before) == {"setosa", "versicolor", "virginica"}
    for _ in range(3):
        client.post("/predict", json={"features": ROW})
    after = counted()
    assert {name: after[name] - before[name] for name in after} == {"setosa": 3, "versicolor": 0, "virginica": 0}


def test_the_duration_has_fine_buckets_and_an_exemplar(client: TestClient, emitted: Emitted) -> None:
    answer = client.post("/predict", json={"features": ROW}).json()
    points = [
        point
        for point in emitted.points("http.server.request.duration")
        if point.attributes.get("http.route") == "/predict" and point.attributes["http.response.status_code"] == 200
    ]
    [point] = [point for point in points if answer["trace_id"] in {format_trace_id(one.trace_id) for one in point.exemplars}]
    assert point.explicit_bounds[0] == 0.0005
    assert point.explicit_bounds[-1] == 10


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "name"),
    [
        ("POST", "/predict", {"features": {}}, 422, "POST /predict"),
        ("GET", "/a/b/c", None, 404, "GET"),
        ("GET", "/predict", None, 405, "GET /predict"),
    ],
)
def test_a_refused_request_is_a_span_a_log_and_a_metric(
    client: TestClient, emitted: Emitted, method: str, path: str, body: Any, status: int, name: str
) -> None:
    answer = client.request(method, path, json=body).json()
    span = emitted.span(name)
    assert _trace_id(span) == answer["trace_id"]
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == status
    assert span.status.status_code is StatusCode.UNSET, "a client's mistake is no error of the server"
    assert [format_trace_id(log.log_record.trace_id) for log in emitted.logs] == [answer["trace_id"]]
    assert status in {point.attributes["http.response.status_code"] for point in emitted.points("http.server.request.duration")}


def test_refused_input_is_an_event_that_names_fields_and_no_values(client: TestClient, emitted: Emitted) -> None:
    client.post("/predict", json={"features": {**ROW, "petal_width": "secret value", "made up": 1}})
    [log] = emitted.logs
    assert log.log_record.event_name == "ml.validation.failed"
    assert list(log.log_record.attributes["ml.validation.fields"]) == ["features.petal_width", "features.(unknown)"]
    written = f"{log.log_record.body} {dict(log.log_record.attributes)}"
    assert "secret value" not in written
    assert "made up" not in written


def test_an_exception_in_the_model_is_an_error_with_its_stack_in_the_log(
    client: TestClient, emitted: Emitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("the model broke")

    monkeypatch.setattr("vitals.model.served.ServedModel.predict", broken)
    answer = client.post("/predict", json={"features": ROW}).json()
    server = emitted.span("POST /predict")
    assert server.status.status_code is StatusCode.ERROR
    assert _trace_id(server) == answer["trace_id"]
    assert emitted.span("predict batch").status.status_code is StatusCode.ERROR
    [log] = emitted.logs
    assert format_trace_id(log.log_record.trace_id) == answer["trace_id"]
    assert log.log_record.attributes["exception.type"] == "ValueError"
    assert "the model broke" in log.log_record.attributes["exception.stacktrace"]


def test_concurrent_requests_share_batches_and_keep_their_traces(client: TestClient, emitted: Emitted) -> None:
    async def ask() -> list[dict[str, Any]]:
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as concurrent:
            responses = await asyncio.gather(*(concurrent.post("/predict", json={"features": ROW}) for _ in range(50)))
        return [response.json() for response in responses]

    assert client.portal is not None
    answers = client.portal.call(ask)
    servers = [span for span in emitted.spans if span.kind is SpanKind.SERVER]
    batches = [span for span in emitted.spans if span.name == "predict batch"]
    assert {_trace_id(span) for span in servers} == {answer["trace_id"] for answer in answers}
    assert len(batches) < len(servers) == 50
    linked = [link.context.span_id for batch in batches for link in batch.links]
    assert sorted(linked) == sorted(span.context.span_id for span in servers), "each request is linked from one batch"
    assert {log.log_record.attributes["ml.prediction.id"] for log in emitted.logs} == {
        answer["prediction_id"] for answer in answers
    }


def test_instruments_any_application(emitted: Emitted) -> None:
    app = FastAPI()
    instrument(app, service_name="orders")

    @app.get("/orders/{order_id}")
    def order(order_id: int) -> dict[str, int]:
        logging.getLogger("orders").warning("order %d looked up", order_id)
        return {"order": order_id}

    with TestClient(app) as client:
        response = client.get("/orders/7")
    [span] = emitted.spans
    assert (span.name, span.kind) == ("GET /orders/{order_id}", SpanKind.SERVER)
    assert response.headers["traceresponse"].split("-")[1] == _trace_id(span)
    [log] = [log.log_record for log in emitted.logs if log.log_record.body == "order 7 looked up"]
    assert format_trace_id(log.trace_id) == _trace_id(span)


def test_a_running_application_is_refused(emitted: Emitted) -> None:
    app = FastAPI()
    with TestClient(app), pytest.raises(RuntimeError, match="before the application serves"):
        instrument(app)


def _orders() -> FastAPI:
    app = FastAPI()
    instrument(app, service_name="orders")

    @app.get("/orders")
    def orders() -> None:
        logging.getLogger("orders").warning("orders listed")

    return app


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_an_application_that_ends_takes_nothing_from_another(emitted: Emitted, first_ends_first: bool) -> None:
    with ExitStack() as first, ExitStack() as second:
        clients = [first.enter_context(TestClient(_orders())), second.enter_context(TestClient(_orders()))]
        ending, stays = (first, clients[1]) if first_ends_first else (second, clients[0])
        for client in clients:
            client.get("/orders")
        ending.close()
        emitted.clear()
        stays.get("/orders")
        assert [log.log_record.body for log in emitted.logs] == ["orders listed"]
        [span] = emitted.spans
        assert format_trace_id(emitted.logs[0].log_record.trace_id) == _trace_id(span)


PROGRAM = """
import logging
from fastapi import FastAPI
from fastapi.testclient import TestClient
from vitals.telemetry import instrument

def application(name):
    app = FastAPI()
    instrument(app, service_name="orders")
    app.get(f"/{name}")(lambda: None)
    return app

plain = logging.Logger.callHandlers
first, second = TestClient(application("first")), TestClient(application("second"))
first.__enter__()
second.__enter__()
first.get("/first")
first.__exit__(None, None, None)
assert logging.Logger.callHandlers is not plain
second.get("/second")
second.__exit__(None, None, None)
assert logging.Logger.callHandlers is plain and not logging.getLogger().handlers
print("the end")
"""


@pytest.mark.slow
def test_the_last_application_delivers_what_all_of_them_left() -> None:
    """In a process of its own, where the first application sets the providers."""
    variables = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    delivered, _, _ = done.stdout.partition("the end")
    assert '"name": "GET /first"' in delivered
    assert '"name": "GET /second"' in delivered
