"""Names of libraries that are not public, and that this project uses: they are there in the versions that are allowed."""

from __future__ import annotations

import ast
from importlib.metadata import requires

import pytest
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.instrumentation import _semconv
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.semconv._incubating.metrics import otel_metrics
from packaging.requirements import Requirement
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import get_scorer
from sklearn.neighbors import KNeighborsClassifier

from .imports_of import declared_in, imports, modules, owner

ATTRIBUTES = {
    "fastapi": {"_telemetry"},
    "opentelemetry-exporter-otlp-proto-grpc": {"_channel", "_headers", "_initialize_channel_and_stub"},
    "opentelemetry-exporter-otlp-proto-http": {"_client", "_compress", "_endpoint", "_submit", "_timeout"},
    "opentelemetry-instrumentation": {
        *("_initialize", "_OpenTelemetrySemanticConventionStability", "_OpenTelemetryStabilitySignalType", "_StabilityMode"),
        "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING",
    },
    "opentelemetry-sdk": {
        *("_collect", "_set_collect_callback", "_instrument_class_temporality", "_on_ending"),
        *("_preferred_aggregation", "_preferred_temporality"),
    },
    "scikit-learn": {
        *("_fit_X", "_fit_method", "_tree", "_y", "_score_func", "_bin_mapper", "_preprocessor"),
        "_transformer_to_input_indices",
    },
}
"""By the library that has them, the private attributes that are read or set here."""

OURS = {"_begin", "_shutdown_seconds"}
"""Of our own classes, from another module of theirs."""

STANDARD = {"_asdict", "_current_frames", "_exit"}
"""Documented by Python, for all their underscores."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def attributes_of_others() -> set[str]:
    """Private attributes that the package reads or sets of anything but `self`, or of `self` where no class of ours has them."""
    trees = [ast.parse(file.read_text()) for file in modules().values()]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    ours = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    ours |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    ours |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    found = set()
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if name in ours:
                continue
            case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id="self"), *_]):
                continue
            case ast.Attribute(attr=name):
                found.add(name)
            case ast.Call(func=ast.Name(id="getattr" | "hasattr" | "setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                found.add(name)
    return {name for name in found if private(name)}


def bounded() -> set[str]:
    """The distributions whose series of releases is bounded, and those that these require in exactly one version."""
    found, waiting = set(), [one for extra in ("", "serve", "stack") for one in declared_in(extra)]
    while waiting:
        one = waiting.pop()
        if any(bound.operator == "==" or (bound.operator == "<" and "." in bound.version) for bound in one.specifier):
            found.add(one.name)
            required = map(Requirement, requires(one.name) or ())
            waiting += [
                other for other in required if any(bound.operator == "==" for bound in other.specifier) and not other.marker
            ]
    return found


@pytest.mark.slow
def test_every_private_attribute_of_a_library_is_known_here() -> None:
    listed = {name for names in ATTRIBUTES.values() for name in names}
    assert attributes_of_others() == listed | OURS | STANDARD


def test_libraries_with_private_attributes_have_an_upper_bound() -> None:
    """One whole series of releases may rename what is private."""
    assert ATTRIBUTES.keys() - bounded() == set()


@pytest.mark.slow
def test_libraries_with_private_modules_and_names_have_an_upper_bound() -> None:
    imported = {one.name for module in modules() for one in imports(module) if any(map(private, one.name.split(".")))}
    owners = {owner(name): name for name in imported if not name.startswith("vitals")}
    assert {"opentelemetry-api", "opentelemetry-instrumentation", "scikit-learn"} <= owners.keys()
    assert {name: one for name, one in owners.items() if name and name not in bounded()} == {}


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


def test_a_span_processor_can_be_told_that_a_span_ends() -> None:
    assert callable(SpanProcessor()._on_ending)


def test_an_exporter_of_metrics_says_what_it_prefers() -> None:
    assert {"_preferred_temporality", "_preferred_aggregation"} <= vars(ConsoleMetricExporter()).keys()


def test_scikit_learns_estimators_have_what_is_checked_in_them() -> None:
    rows, classes = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    neighbours = KNeighborsClassifier(1, algorithm="kd_tree").fit(rows, classes)
    assert {"_fit_X", "_fit_method", "_tree", "_y"} <= vars(neighbours).keys()
    trees = HistGradientBoostingRegressor(max_iter=1).fit(rows, classes)
    assert {"_bin_mapper", "_preprocessor"} <= vars(trees).keys()
    columns = ColumnTransformer([("all", "passthrough", [0])]).fit(rows)
    assert hasattr(columns, "_transformer_to_input_indices")
    assert callable(get_scorer("accuracy")._score_func)
