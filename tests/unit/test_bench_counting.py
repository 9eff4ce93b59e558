"""The sink counts what the real exporters send, and what differs from the requests answered does not count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

from benchmarks.bench import counting, sink
from benchmarks.bench.counting import Arrived, Expects

from ..ports import free_ports

ALL = Expects(spans=True, logs=True, requests=True)


class Sink:
    """A running sink, and what it has taken once it has ended."""

    def __init__(self, file: Path) -> None:
        [port] = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        self._path, self._file = file, file.open("wb")
        self._server = sink.serve(port, self._file)

    def arrived(self) -> dict[str, Arrived]:
        self._server.stop(5).wait()
        self._file.close()
        return counting.count(sink.read(self._path))


@pytest.fixture
def taking(tmp_path: Path) -> Iterator[Sink]:
    running = Sink(tmp_path / "kept")
    yield running
    running._server.stop(0)


def test_server_spans_of_the_route_are_counted_by_service(taking: Sink) -> None:
    for service, count in (("one", 3), ("two", 2)):
        provider = TracerProvider(resource=Resource({"service.name": service}))
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=taking.endpoint, insecure=True)))
        tracer = provider.get_tracer("t")
        for _ in range(count):
            with (
                tracer.start_as_current_span("POST /predict", kind=SpanKind.SERVER),
                tracer.start_as_current_span("predict batch"),
            ):
                pass
        with tracer.start_as_current_span("GET /health", kind=SpanKind.SERVER):
            pass
        provider.shutdown()
    arrived = taking.arrived()
    assert {name: (len(one.spans), one.other_spans) for name, one in arrived.items()} == {"one": (3, 4), "two": (2, 3)}


def test_a_stretch_of_time_has_its_own_spans_and_logs(taking: Sink) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "one"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=taking.endpoint, insecure=True)))
    logs = LoggerProvider(resource=Resource({"service.name": "one"}))
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(endpoint=taking.endpoint, insecure=True)))
    begin = time.time_ns()
    for offset in (0, 1000, 2000):
        at = begin + offset
        provider.get_tracer("t").start_span("POST /predict", kind=SpanKind.SERVER, start_time=at).end(at + 10)
        logs.get_logger("t").emit(LogRecord(timestamp=at, event_name="ml.prediction"))
    logs.get_logger("t").emit(LogRecord(timestamp=begin, attributes={"event.name": "ml.prediction"}))
    logs.get_logger("t").emit(LogRecord(timestamp=begin, event_name="another"))
    provider.shutdown()
    logs.shutdown()
    assert taking.arrived()["one"].within(begin, begin + 1500) == (2, 3)


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_requests_are_counted_once_whatever_the_temporality(taking: Sink, temporality: AggregationTemporality) -> None:
    exporter = OTLPMetricExporter(endpoint=taking.endpoint, insecure=True, preferred_temporality={Histogram: temporality})
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)
    provider = MeterProvider([reader], Resource({"service.name": "one"}))
    duration = provider.get_meter("t").create_histogram("http.server.request.duration", unit="s")
    for status in (200, 200, 422):
        duration.record(0.001, {"http.route": "/predict", "http.response.status_code": status})
        duration.record(0.001, {"http.route": "/health", "http.response.status_code": 200})
        duration.record(0.001, {"http.response.status_code": 404})
        reader.collect()
    provider.shutdown()
    assert taking.arrived()["one"].requests == 3


@pytest.mark.parametrize(
    ("expects", "spans", "logs", "requests", "said"),
    [
        (ALL, 10, 10, 10, ""),
        (ALL, 9, 10, 10, "9 spans for 10"),
        (ALL, 11, 10, 10, "11 spans for 10"),
        (ALL, 10, 0, 12, "0 logs for 10, 12 requests counted for 10"),
        (ALL, 10, 10, None, ""),
        (Expects(spans=True, requests=True), 10, 0, 10, ""),
        (Expects(), 0, 0, 0, ""),
        (Expects(), 1, 0, 0, "1 spans for 0"),
    ],
)
def test_what_differs_is_refused_in_words(expects: Expects, spans: int, logs: int, requests: int | None, said: str) -> None:
    assert counting.refusal(expects, 10, spans=spans, logs=logs, requests=requests) == said


@pytest.mark.parametrize("less", [1, 3, 4, 8])
def test_a_last_record_that_is_not_whole_is_none(tmp_path: Path, less: int) -> None:
    """Of a sink that was ended while it wrote: what is missing is missing when it is counted."""
    file = tmp_path / "kept"
    with file.open("wb") as kept:
        take = sink.Kept(kept).taking("T")
        take(b"one", None)
        take(b"two", None)
    file.write_bytes(file.read_bytes()[:-less])
    assert list(sink.read(file)) == [("T", b"one")]
