"""Delivery to the Collector: over real gRPC and HTTP servers that are away, wrong or full. Nothing is lost uncounted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from vitals.telemetry.delivery import exporters, sender
from vitals.telemetry.delivery.export_result import Outcome
from vitals.telemetry.delivery.exporters import DeliveringSpanExporter, delivering, report

from .receivers import GrpcReceiver, HttpReceiver, Receiver

FULL = "sending queue is full; sending queue is full"


@pytest.fixture(params=[GrpcReceiver, HttpReceiver], ids=["grpc", "http"])
def receiver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    receiver = request.param()
    suffix = "/v1/traces" if request.param is HttpReceiver else ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{receiver.port}{suffix}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield receiver
    receiver.stop()


class Exporting:
    """A delivering exporter, spans for it, and what it counts."""

    def __init__(self, receiver: Receiver, buffer_bytes: int = 1 << 20, shutdown_seconds: float = 5) -> None:
        self.exporter: DeliveringSpanExporter = delivering(
            "traces", type(receiver).made, buffer_bytes=buffer_bytes, shutdown_seconds=shutdown_seconds
        )
        self._reader = InMemoryMetricReader()
        report(self.exporter, MeterProvider([self._reader]).get_meter("test"))

    def export(self, *names: str, size: int = 0) -> None:
        self.exporter.export([_span(name, size) for name in names])

    @property
    def counted(self) -> dict[str, float]:
        """Items by reason; "" is what was taken. Without zeros."""
        return {str(a.get("error.type", "")): value for a, value in self._points("otel.sdk.exporter.span.exported") if value}

    @property
    def waiting(self) -> float:
        [(_, value)] = self._points("otel.sdk.exporter.span.inflight")
        return value

    def _points(self, name: str) -> list[tuple[Any, float]]:
        data = self._reader.get_metrics_data()
        return [
            (point.attributes, point.value)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


def _span(name: str, size: int = 0) -> ReadableSpan:
    span = TracerProvider().get_tracer("test").start_span(name, attributes={"text": "x" * size})
    span.end()
    return span


def _until(condition: Callable[[], Any], within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def test_what_is_exported_arrives_in_order_and_is_counted(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    for number in range(20):
        exporting.export(f"{number}-a", f"{number}-b")
    assert exporting.exporter.force_flush()
    assert receiver.names == [f"{number}-{letter}" for number in range(20) for letter in "ab"]
    assert exporting.counted == {"": 40}
    assert exporting.waiting == 0
    exporting.exporter.shutdown()


def test_a_receiver_that_is_away_gets_everything_once_it_is_back(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    exporting.export("before")
    _until(lambda: receiver.names == ["before"])
    receiver.stop()
    begun = time.monotonic()
    for number in range(30):
        exporting.export(str(number))
    assert time.monotonic() - begun < 1, "exporting never waits for the receiver"
    assert exporting.waiting == 30
    assert exporting.counted == {"": 1}
    receiver.start()
    _until(lambda: exporting.waiting == 0)
    assert receiver.names == ["before", *map(str, range(30))]
    assert exporting.counted == {"": 31}
    exporting.exporter.shutdown()


def test_what_does_not_fit_costs_the_oldest_and_is_counted(receiver: Receiver) -> None:
    receiver.stop()
    exporting = Exporting(receiver, buffer_bytes=10_000)
    for number in range(30):
        exporting.export(str(number), size=1000)
    assert exporting.waiting + exporting.counted["queue_full"] == 30
    assert 5 <= exporting.waiting <= 10
    receiver.start()
    _until(lambda: exporting.waiting == 0)
    taken = len(receiver.names)
    assert exporting.counted == {"": taken, "queue_full": 30 - taken}
    # The one that was being sent stays; the others are the latest.
    assert receiver.names[1:] == [str(number) for number in range(30 - taken + 1, 30)]
    exporting.exporter.shutdown()


def test_one_that_is_larger_than_the_buffer_is_counted(receiver: Receiver) -> None:
    exporting = Exporting(receiver, buffer_bytes=10_000)
    exporting.export("huge", size=20_000)
    exporting.export("small")
    assert exporting.exporter.force_flush()
    assert receiver.names == ["small"]
    assert exporting.counted == {"": 1, "queue_full": 1}
    exporting.exporter.shutdown()


def _refusal(receiver: Receiver, code: grpc.StatusCode, status: int, text: str) -> tuple[Any, str]:
    return (code, text) if isinstance(receiver, GrpcReceiver) else (status, text)


def test_a_full_queue_behind_the_receiver_is_counted_and_not_sent_again(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    receiver.answers = [_refusal(receiver, grpc.StatusCode.UNAVAILABLE, 503, FULL)]
    exporting.export("a", "b")
    exporting.export("c")
    assert exporting.exporter.force_flush()
    assert receiver.names == ["c"]
    assert exporting.counted == {"": 1, "backend_queue_full": 2}
    exporting.exporter.shutdown()


@pytest.mark.slow
def test_short_of_memory_is_sent_again(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    busy = _refusal(receiver, grpc.StatusCode.UNAVAILABLE, 503, "data refused due to high memory usage")
    receiver.answers = [busy] * 3
    exporting.export("a")
    assert exporting.exporter.force_flush()
    assert receiver.names == ["a"]
    assert exporting.counted == {"": 1}
    exporting.exporter.shutdown()


def test_an_answer_that_says_never_is_counted_by_its_name(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    receiver.answers = [_refusal(receiver, grpc.StatusCode.INVALID_ARGUMENT, 400, "no")]
    exporting.export("a")
    exporting.export("b")
    assert exporting.exporter.force_flush()
    assert receiver.names == ["b"]
    assert exporting.counted == {"": 1, "INVALID_ARGUMENT" if isinstance(receiver, GrpcReceiver) else "400": 1}
    exporting.exporter.shutdown()


@pytest.mark.slow
def test_a_doubtful_answer_is_tried_a_few_times_and_does_not_hold_up_the_rest(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    receiver.answers = [_refusal(receiver, grpc.StatusCode.INTERNAL, 500, "can't read it")] * 5
    exporting.export("poison")
    exporting.export("b")
    assert exporting.exporter.force_flush()
    assert receiver.names == ["b"]
    assert exporting.counted == {"": 1, "INTERNAL" if isinstance(receiver, GrpcReceiver) else "500": 1}
    exporting.exporter.shutdown()


def test_one_doubtful_answer_after_a_long_absence_costs_nothing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection may break just as the receiver comes back."""
    monkeypatch.setattr(sender, "LONGEST_WAIT_SECONDS", sender.FIRST_WAIT_SECONDS)
    exporting = Exporting(receiver)
    away = _refusal(receiver, grpc.StatusCode.UNAVAILABLE, 503, "starting")
    receiver.answers = [away] * (sender.DOUBTFUL_ATTEMPTS + 1) + [_refusal(receiver, grpc.StatusCode.INTERNAL, 500, "broken off")]
    exporting.export("a")
    assert exporting.exporter.force_flush()
    assert exporting.counted == {"": 1}
    exporting.exporter.shutdown()


def test_an_answer_that_asks_for_no_wait_gets_the_first() -> None:
    asked = [sender.wait_seconds(9, Outcome("again", after_seconds=seconds)) for seconds in (0.0, 3.0, 3600.0)]
    assert asked == [sender.FIRST_WAIT_SECONDS, 3.0, sender.LONGEST_ASKED_SECONDS]


def test_what_a_receiver_takes_only_in_part_is_counted(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    receiver.answers = [answer]
    exporting.export("a", "b", "c")
    assert exporting.exporter.force_flush()
    assert exporting.counted == {"": 1, "rejected": 2}
    exporting.exporter.shutdown()


@pytest.mark.slow
def test_shutdown_sends_what_is_left(receiver: Receiver) -> None:
    exporting = Exporting(receiver)
    exporting.export("before")
    assert exporting.exporter.force_flush()
    receiver.stop()
    exporting.export("a")
    late = threading.Timer(0.5, receiver.start)
    late.start()
    exporting.exporter.shutdown()
    late.join()
    assert receiver.names == ["before", "a"]
    assert exporting.counted == {"": 2}


def test_shutdown_counts_and_says_what_could_not_be_sent(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    exporting = Exporting(receiver, shutdown_seconds=0.5)
    exporting.export("before")
    assert exporting.exporter.force_flush()
    receiver.stop()
    exporting.export("a", "b")
    begun = time.monotonic()
    exporting.exporter.shutdown()
    assert 0.5 <= time.monotonic() - begun < 3, "a Collector that was there has the whole time to come back"
    assert exporting.counted == {"": 1, "shutdown": 2}
    assert "2 traces were still in the buffer and are lost" in caplog.text
    exporting.export("late")
    assert exporting.counted == {"": 1, "shutdown": 3}
    receiver.start()


def test_a_batch_that_is_too_large_is_sent_in_parts(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters, "LARGEST_REQUEST_BYTES", 5_000)
    exporting = Exporting(receiver)
    exporting.export(*map(str, range(20)), size=1000)
    assert exporting.exporter.force_flush()
    assert receiver.names == list(map(str, range(20)))
    assert max(one.ByteSize() for one in receiver.requests) <= 5_000
    exporting.exporter.shutdown()


def test_other_exporters_are_left_alone() -> None:
    assert isinstance(delivering("traces", ConsoleSpanExporter, buffer_bytes=1, shutdown_seconds=1), ConsoleSpanExporter)
