"""The engines around the request: who may do what, what is scraped, files that are followed, groups that start and stop."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

import httpx2 as httpx
import pytest

from vitals.host.ports import listeners

from .conftest import ROW, Stack, eventually


def _as(stack: Stack, user: str) -> httpx.Client:
    password = (stack.state / "secrets" / f"elasticsearch-{user}-password").read_text()
    return httpx.Client(base_url=f"http://127.0.0.1:{stack.settings.elasticsearch_port}", auth=(user, password), timeout=30)


def test_status_tells_where_everything_is(stack: Stack) -> None:
    told = stack.vitals("status", "--json")
    assert told.returncode == 0, told.stdout
    status = json.loads(told.stdout)
    assert {"service", "collector", "prometheus", "elasticsearch", "jaeger"} <= set(status)
    assert all(component["ready"] for component in status.values())
    elasticsearch = status["elasticsearch"]
    password = Path(elasticsearch["password_file"]).read_text()
    health = httpx.get(f"{elasticsearch['url']}/_cluster/health", auth=(elasticsearch["user"], password))
    assert health.status_code == 200
    assert httpx.get(f"{status['service']['url']}/health/ready").status_code == 200


def test_secrets_are_for_their_owner_only(stack: Stack) -> None:
    folder = stack.state / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = list(folder.iterdir())
    assert len(files) >= 4
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert len({file.read_text() for file in files}) == len(files)


def test_the_writer_cannot_read_and_the_reader_cannot_write(stack: Stack) -> None:
    stack.predict()
    document = {"@timestamp": "2026-01-01T00:00:00Z"}
    with _as(stack, "reader") as reader, _as(stack, "writer") as writer:
        assert reader.get("/logs-*/_search").status_code == 200
        assert reader.post("/logs-generic.otel-default/_doc", json=document).status_code == 403
        assert reader.put("/_cluster/settings", json={"transient": {"search.max_buckets": 1000}}).status_code == 403
        assert writer.get("/logs-*/_search").status_code == 403
        assert writer.delete("/logs-generic.otel-default").status_code == 403
        assert writer.post("/other/_doc", json=document).status_code == 403
    assert httpx.get(f"http://127.0.0.1:{stack.settings.elasticsearch_port}/_cluster/health").status_code == 401


def test_prometheus_scrapes_every_engine(stack: Stack) -> None:
    eventually(
        lambda: stack.query("up"),
        lambda up: len(up) >= 4 and all(value == 1 for value in up.values()),
        within=60,
        why="every target is up",
    )
    jobs = {json.loads(labels)["job"] for labels in stack.query("up")}
    assert {"collector", "prometheus", "jaeger"} <= jobs


@pytest.mark.parametrize(
    "metric",
    [
        "ml_predictions_total",
        "ml_model_info",
        "ml_inference_duration_seconds_count",
        "ml_inference_batch_size_count",
        "ml_prediction_confidence_count",
        "http_server_request_duration_seconds_count",
        "http_server_active_requests",
        "process_memory_usage_bytes",
        "process_cpu_time_seconds_total",
        "process_open_file_descriptor_count",
        "otel_sdk_processor_span_processed_total",
        "system_cpu_time_seconds_total",
        "system_memory_usage_bytes",
        "traces_span_metrics_calls_total",
        "otelcol_receiver_accepted_spans_total",
        "otelcol_exporter_queue_size",
        "node_load1",
    ],
)
def test_the_metrics_of_the_contract_are_there(stack: Stack, metric: str) -> None:
    stack.predict()
    eventually(lambda: stack.query(metric), within=60, why=f"{metric} has series")


def test_a_line_of_a_followed_file_becomes_a_log_record(stack: Stack, log_file: Path) -> None:
    mark = f"order {time.time_ns()} was shipped"
    with log_file.open("a") as file:
        file.write(f"2026-11-21 10:00:00 ERROR {mark}\n")
    found = eventually(
        lambda: stack.documents("logs-*", {"match_phrase": {"body.text": mark}}), within=60, why="the line is searchable"
    )
    assert len(found) == 1
    assert found[0]["severity_text"] == "ERROR"
    assert found[0]["attributes"]["log.file.name"] == "orders.log"


def test_metrics_can_be_pulled_too(stack: Stack) -> None:
    with stack.another_service("pulled", METRICS_PULL="true") as service:
        httpx.post(f"{service.url}/predict", json={"features": ROW}, timeout=30).raise_for_status()
        text = httpx.get(f"{service.url}/metrics", headers={"accept": "application/openmetrics-text"}).text
        assert "ml_predictions_total{" in text
        eventually(lambda: stack.total('ml_predictions_total{job="pulled"}') == 1, why="they are pushed as well")


def test_without_telemetry_the_service_still_answers(stack: Stack) -> None:
    with stack.another_service("disabled", OTEL_SDK_DISABLED="true") as service:
        answer = httpx.post(f"{service.url}/predict", json={"features": ROW}, timeout=30).raise_for_status().json()
        assert answer["prediction"] == "setosa"
        assert answer["trace_id"] is None


def test_otlp_over_http_works_by_its_standard_variable(stack: Stack) -> None:
    endpoint = f"http://127.0.0.1:{stack.settings.otlp_http_port}"
    with stack.another_service(
        "over-http", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint
    ) as service:
        answer = httpx.post(f"{service.url}/predict", json={"features": ROW}, timeout=30).raise_for_status().json()
        stack.follow(answer["trace_id"])


def test_up_again_changes_nothing(stack: Stack) -> None:
    ports = stack.settings.ports().values()
    before = {port: process.pid for port, process in listeners().items() if port in ports}
    started = time.monotonic()
    again = stack.vitals("up")
    assert again.returncode == 0, again.stderr
    assert time.monotonic() - started < 20
    assert {port: process.pid for port, process in listeners().items() if port in ports} == before
    assert len(before) > 10


def test_logs_within_a_millisecond_keep_their_order(stack: Stack) -> None:
    """The exporter leaves leading zeros out of a time's nanoseconds; the pipeline makes up for it."""
    trace_id, millisecond = secrets.token_hex(16), time.time_ns() // 1_000_000 * 1_000_000
    records = [
        {"timeUnixNano": str(millisecond + after), "traceId": trace_id, "severityNumber": 9, "body": {"stringValue": str(after)}}
        for after in (53_732, 7, 400_000, 99_999, 999_999)
    ]
    httpx.post(
        f"http://127.0.0.1:{stack.settings.otlp_http_port}/v1/logs",
        json={"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]},
    ).raise_for_status()
    found = eventually(
        lambda: stack.documents("logs-*", {"term": {"trace_id": trace_id}}),
        lambda documents: len(documents) == len(records),
        why="the records are searchable",
    )
    order = [int(document["body"]["text"]) for document in found]
    assert order[3:] == [400_000, 999_999], "as Elasticsearch sorts them"
    assert set(order[:3]) == {7, 53_732, 99_999}
