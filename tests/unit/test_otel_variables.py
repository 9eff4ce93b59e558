"""Wrong values of `OTEL_*` variables: one sentence that names the variable, before anything else happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import vitals
from vitals import otel_variables
from vitals.errors import SettingsError
from vitals.serving.server import _check_exporters
from vitals.telemetry import instrument

AT_IMPORT = [
    ("OTEL_PROPAGATORS", "foo"),
    ("OTEL_PROPAGATORS", "tracecontext,b3"),
    ("OTEL_PROPAGATORS", "tracecontext,"),
    ("OTEL_PYTHON_CONTEXT", "foo"),
    ("OTEL_PYTHON_TRACER_PROVIDER", "foo"),
    ("OTEL_PYTHON_METER_PROVIDER", "foo"),
    ("OTEL_PYTHON_LOGGER_PROVIDER", "foo"),
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", "many"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-1"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1.5"),
    ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "x"),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", "-5"),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", "x"),
    ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "x"),
    ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "x"),
    ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "x"),
    ("OTEL_PYTHON_EXCLUDED_URLS", "("),
    ("OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "ok,*"),
]
AT_START = [
    ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "x"),
    ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
    ("OTEL_BSP_EXPORT_TIMEOUT", "1s"),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", "1e3"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "0.5"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "soon"),
    ("OTEL_METRICS_EXEMPLAR_FILTER", "some"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "nan"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
    ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "x"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:port"),
    ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://[::1"),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
    ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "foo"),
    ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "x-(.*"),
]
PASSED_OVER = [
    ("OTEL_TRACES_SAMPLER", "sometimes"),
    ("OTEL_PYTHON_ID_GENERATOR", "foo"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "authorization"),
    ("OTEL_RESOURCE_ATTRIBUTES", "team"),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "deltas"),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "LowMemory"),
    ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "exponential"),
    ("OTEL_SEMCONV_STABILITY_OPT_IN", "database"),
    ("OTEL_TRACES_EXPORTER", "foo"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "foo"),
]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("name", "value"), AT_IMPORT + AT_START + PASSED_OVER)
def test_the_service_says_which_and_does_not_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    _check_exporters()
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        _check_exporters()
    [sentence] = refused.value.sentences
    assert sentence.startswith(f"{name} is wrong")
    assert sentence.endswith(".")


@pytest.mark.parametrize(("name", "value"), AT_START)
def test_another_application_says_so_at_its_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    app = FastAPI()
    instrument(app)
    with pytest.raises(ValueError, match=f"^{name} is wrong: "), TestClient(app):
        pass


@pytest.mark.parametrize(("name", "value"), AT_IMPORT)
def test_another_application_says_so_when_it_imports_us(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{name} is wrong: "):
        _ = vitals.instrument


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}, ""),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "50%"}, "OTEL_TRACES_SAMPLER_ARG"),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}, "OTEL_TRACES_SAMPLER_ARG"),
        ({"OTEL_TRACES_SAMPLER": "always_on", "OTEL_TRACES_SAMPLER_ARG": "x"}, ""),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "20"}, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "10"}, ""),
        ({"OTEL_PROPAGATORS": "none"}, ""),
        ({"OTEL_PROPAGATORS": "tracecontext,baggage"}, ""),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": ""}, ""),
        ({"OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup,database"}, ""),
        ({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta", "OTEL_METRICS_EXPORTER": "console"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "unix:///run/otlp.sock"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, ""),
        ({"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "*"}, ""),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20x, a=b"}, ""),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_SAMPLER": "foo"}, ""),
        ({"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"}, ""),
    ],
)
def test_what_is_right_is_let_be(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wrong: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = otel_variables.wrong_for_service()
    assert [sentence.split()[0] for sentence in found] == ([wrong] if wrong else [])


def test_an_empty_one_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, _ in AT_IMPORT + AT_START + PASSED_OVER:
        monkeypatch.setenv(name, "")
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"):
        monkeypatch.setenv(name, "none")
    app = FastAPI()
    instrument(app)
    with TestClient(app) as client:
        assert client.get("/openapi.json").status_code == 200
    assert "OTEL_PYTHON_CONTEXT" not in os.environ
    assert os.environ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"] == ""


def test_a_secret_in_the_headers_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Bearer s3cret")
    assert "s3cret" not in "".join(otel_variables.wrong_for_service())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "name", "value"),
    [
        (["--help"], "OTEL_PROPAGATORS", "foo"),
        (["trace", "1" * 32], "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "x"),
        (["status"], "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "("),
        (["serve"], "OTEL_PYTHON_CONTEXT", "foo"),
        (["serve"], "OTEL_TRACES_SAMPLER", "foo"),
        (["canary"], "OTEL_METRIC_EXPORT_INTERVAL", "soon"),
    ],
)
def test_every_verb_says_it_without_a_traceback(tmp_path: Path, verb: list[str], name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vitals.cli", *verb],
        env={**os.environ, "VITALS_STATE_DIR": str(tmp_path), name: value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{name} is wrong: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_sampler_that_nothing_can_read_stops_no_other_verb(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vitals.cli", "options"],
        env={**os.environ, "OTEL_TRACES_SAMPLER": "foo"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
