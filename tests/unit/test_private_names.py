"""Names of libraries that are not public, and that this project uses: they are there in the versions that are allowed."""

from __future__ import annotations

import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.instrumentation import _semconv
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.semconv._incubating.metrics import otel_metrics
from packaging.requirements import Requirement

BOUNDED = (
    "fastapi",
    "opentelemetry-exporter-otlp",
    "opentelemetry-instrumentation-fastapi",
    "opentelemetry-sdk",
)


@pytest.mark.parametrize("name", BOUNDED)
def test_their_versions_have_an_upper_bound(name: str) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    [found] = [one for one in map(Requirement, project["dependencies"]) if one.name == name]
    [upper] = [bound.version for bound in found.specifier if bound.operator == "<"]
    assert "." in upper, "one whole series of releases may rename what is private"


def test_fastapis_own_telemetry_can_be_turned_off() -> None:
    assert {"tracing", "metrics", "logs"} <= set(FastAPI()._telemetry)


def test_a_reader_can_be_given_more_to_collect() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    assert callable(reader._collect)
    assert callable(reader._set_collect_callback)
    assert any(issubclass(instrument, Histogram) for instrument in reader._instrument_class_temporality)
    provider.shutdown()


def test_the_metrics_of_the_sdk_can_be_shared() -> None:
    """The SDK requires the semantic conventions in one version, so its bound is theirs."""
    [required] = [one for one in map(Requirement, requires("opentelemetry-sdk") or ()) if "semantic-conventions" in one.name]
    assert [bound.operator for bound in required.specifier] == ["=="]
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("opentelemetry-sdk")
    for make in (otel_metrics.create_otel_sdk_span_started, otel_metrics.create_otel_sdk_log_created):
        assert make(meter) is make(meter)
    assert otel_metrics.OTEL_SDK_PROCESSOR_SPAN_PROCESSED == "otel.sdk.processor.span.processed"
    assert otel_metrics.OTEL_SDK_PROCESSOR_LOG_PROCESSED == "otel.sdk.processor.log.processed"
    provider.shutdown()


def test_the_names_of_http_attributes_can_be_chosen() -> None:
    decides = _semconv._OpenTelemetrySemanticConventionStability
    assert callable(decides._initialize)
    assert isinstance(decides._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING, dict)
    assert {_semconv._StabilityMode.HTTP, _semconv._StabilityMode.HTTP_DUP}
    assert _semconv._OpenTelemetryStabilitySignalType.HTTP


def test_the_exporters_have_what_a_delivery_needs() -> None:
    over_grpc = GrpcExporter(meter_provider=NoOpMeterProvider())
    assert all(
        hasattr(over_grpc, name) for name in ("_timeout", "_endpoint", "_channel", "_headers", "_initialize_channel_and_stub")
    )
    over_http = HttpExporter(meter_provider=NoOpMeterProvider())
    assert all(hasattr(over_http._client, name) for name in ("_endpoint", "_submit", "_compress", "_timeout"))
    over_grpc.shutdown()
    over_http.shutdown()
