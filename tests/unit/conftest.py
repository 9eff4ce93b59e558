"""What unit tests share: telemetry kept in memory, a trained model, and the service around it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vitals.profiling.examples import train_example
from vitals.settings.service import Settings

# Before any instrumentation reads it.
os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"


_SERVICES = itertools.count(1)


@dataclass
class Emitted:
    """What the code under test emitted, as the SDK's exporters got it."""

    _spans: InMemorySpanExporter
    _logs: InMemoryLogRecordExporter
    _metrics: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.get_finished_spans())

    @property
    def logs(self) -> list[ReadableLogRecord]:
        return list(self._logs.get_finished_logs())

    def span(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.spans if span.name == name]
        return found

    def points(self, metric: str) -> list[Any]:
        data = self._metrics.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
        ]

    def clear(self) -> None:
        self._spans.clear()
        self._logs.clear()


@pytest.fixture(scope="session", autouse=True)
def memory() -> Emitted:
    """Global providers that keep everything in memory; OpenTelemetry lets them be set once a process.

    For every test: the first application that a test starts would else set its own, for all tests after it.
    """
    from vitals.model_events import histograms
    from vitals.telemetry import defaults
    from vitals.telemetry.logs.logging_signal import UidProcessor

    spans, logs, reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader], views=[*defaults.VIEWS, *histograms.VIEWS]))
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(tracer_provider)
    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(UidProcessor())
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    _logs.set_logger_provider(logger_provider)
    return Emitted(spans, logs, reader)


@pytest.fixture
def emitted(memory: Emitted) -> Emitted:
    """An empty record of what the test emits."""
    from vitals.telemetry import applications
    from vitals.telemetry.logs.logging_signal import attach_otlp_handler

    if applications.running():
        # Tests of logging take the tap for themselves, and do not know whose it was.
        attach_otlp_handler(_logs.get_logger_provider())
    memory.clear()
    return memory


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example model, trained."""
    folder = tmp_path_factory.mktemp("model")
    train_example(folder)
    return folder


@pytest.fixture(scope="session")
def service(model_folder: Path, memory: Emitted) -> Iterator[TestClient]:
    """The service, ready; an exception in it is an answer, as over the network. One a process, as its instruments are."""
    from vitals.app import create_app

    app = create_app(Settings.load(model_dir=model_folder))
    with TestClient(app, raise_server_exceptions=False) as client:
        wait_until_ready(client)
        yield client


@pytest.fixture
def client(service: TestClient, emitted: Emitted) -> TestClient:
    """The service, with nothing emitted yet."""
    return service


@contextmanager
def meter_of_its_own() -> Iterator[None]:
    """While one more service starts in this process: its instruments would else be those of one that was started before."""
    from vitals.telemetry import Telemetry

    meter = metrics.get_meter(f"service {next(_SERVICES)}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Telemetry, "meter", property(lambda _: meter))
        yield


@contextmanager
def one_more_service(settings: Settings) -> Iterator[TestClient]:
    """A service beside the one that the session has, ready."""
    from vitals.app import create_app

    with ExitStack() as until_the_end:
        with meter_of_its_own():
            client = until_the_end.enter_context(TestClient(create_app(settings), raise_server_exceptions=False))
        wait_until_ready(client)
        yield client


def wait_until_ready(client: TestClient) -> None:
    import time

    deadline = time.monotonic() + 30
    while client.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline, "the model was not loaded within 30 s"


ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
