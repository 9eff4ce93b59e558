"""The end of a delivery where no Collector ever was: a test, a laptop, a wrong name."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from vitals.telemetry.delivery.export_result import of_broken_connection, of_grpc
from vitals.telemetry.delivery.exporters import delivering, report

SHUTDOWN_SECONDS = 8


@pytest.fixture
def unused() -> Iterator[str]:
    """An address that nobody listens at, and nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("attempted", [True, False], ids=["tried before", "ends at once"])
@pytest.mark.parametrize("address", ["unused", "nobody.invalid:4317"])
@pytest.mark.parametrize("made", [GrpcSpanExporter, HttpSpanExporter], ids=["grpc", "http"])
def test_the_end_does_not_wait_for_nobody(
    made: type, address: str, attempted: bool, unused: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    suffix = "/v1/traces" if made is HttpSpanExporter else ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://{unused if address == 'unused' else address}{suffix}")
    monkeypatch.setenv("NO_PROXY", "*")
    reader = InMemoryMetricReader()
    exporter = delivering("traces", made, buffer_bytes=100_000, shutdown_seconds=SHUTDOWN_SECONDS)
    report(exporter, MeterProvider([reader]).get_meter("test"))
    span = TracerProvider().get_tracer("test").start_span("a")
    span.end()
    exporter.export([span])
    if attempted:
        assert not exporter.force_flush(500)
    caplog.clear()
    begun = time.monotonic()
    exporter.shutdown()
    assert time.monotonic() - begun < 1
    said = [one.message for one in caplog.records if one.levelno == logging.WARNING and "dropped" in one.message]
    assert len(said) == 1
    assert "1 traces are dropped" in said[0]
    [exported] = [
        metric
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "otel.sdk.exporter.span.exported"
    ]
    assert {point.attributes.get("error.type"): point.value for point in exported.data.data_points}["shutdown"] == 1


@pytest.mark.slow
def test_one_that_listens_and_is_slow_has_the_whole_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces")
        monkeypatch.setenv("NO_PROXY", "*")
        exporter = delivering("traces", HttpSpanExporter, buffer_bytes=100_000, shutdown_seconds=2)
        span = TracerProvider().get_tracer("test").start_span("a")
        span.end()
        exporter.export([span])
        begun = time.monotonic()
        exporter.shutdown()
        assert time.monotonic() - begun >= 2


@pytest.mark.parametrize(
    ("explained", "absent"),
    [
        ("failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:9: Connection refused", True),
        ("failed to connect to all addresses; last error: UNKNOWN: unix:/a.sock: No such file or directory", True),
        ("errors resolving nobody:4317: [field:hostname lookup error:address lookup failed for nobody:4317]", True),
        ("DNS resolution failed for nobody:4317: C-ares status is not ARES_SUCCESS", True),
        ("failed to connect to all addresses; last error: UNAVAILABLE: ipv4:127.0.0.1:9: connection attempt timed out", False),
        ("Socket closed", False),
        ("the backend said: Connection refused", False),  # a Collector's own words
    ],
)
def test_which_answers_mean_that_nobody_is_there(explained: str, absent: bool) -> None:
    assert of_grpc(grpc.StatusCode.UNAVAILABLE, explained, None).absent is absent


def test_a_connection_that_broke_is_not_nobody() -> None:
    assert not of_broken_connection(ConnectionResetError("Connection reset by peer")).absent
