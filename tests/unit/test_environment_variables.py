"""The `OTEL_*` variables keep their standard meaning; each test runs a process, since providers are set once a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import json, logging, os, sys
from fastapi import FastAPI
from fastapi.testclient import TestClient
from vitals.telemetry import current_trace_id, instrument

app = FastAPI()
telemetry = instrument(app, service_name="program", resource={"service.version": "1"}, pull="--pull" in sys.argv)

@app.get("/hello")
async def hello():
    logging.getLogger("hello").warning("hello logged")
    return {"trace_id": current_trace_id()}

with TestClient(app) as client:
    response = client.get("/hello", headers=json.loads(os.environ.get("HEADERS", "{}")))
    print("ANSWER", response.text)
    print("HEADERS", json.dumps(dict(response.headers)))
    if "--pull" in sys.argv:
        print("PULLED", json.dumps(client.get("/metrics", headers={"accept": "application/openmetrics-text"}).text))
"""

NOTHING = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


def run(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, program, *arguments],
        env={**clean, **NOTHING, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def documents(output: str) -> list[Any]:
    """The JSON documents that the console exporters printed."""
    decoder, found, at = json.JSONDecoder(), [], output.find("{\n")
    while at != -1:
        document, end = decoder.raw_decode(output, at)
        found.append(document)
        at = output.find("{\n", end)
    return found


def test_exporters_resource_and_name_come_from_the_environment(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        OTEL_TRACES_EXPORTER="console",
        OTEL_SERVICE_NAME="renamed",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging,service.version=2,host.name=h",
    )
    [span] = documents(done.stdout)
    assert span["name"] == "GET /hello"
    assert span["kind"] == "SpanKind.SERVER"
    resource = span["resource"]["attributes"]
    assert resource["service.name"] == "renamed"
    assert resource["service.version"] == "2"
    assert resource["deployment.environment.name"] == "staging"
    assert resource["host.name"] == "h"
    assert resource["service.instance.id"]


def test_what_the_environment_does_not_say_comes_from_the_call(tmp_path: Path) -> None:
    [span] = documents(run(tmp_path, OTEL_TRACES_EXPORTER="console").stdout)
    resource = span["resource"]["attributes"]
    assert (resource["service.name"], resource["service.version"]) == ("program", "1")


def test_logs_carry_the_trace(tmp_path: Path) -> None:
    done = run(tmp_path, OTEL_LOGS_EXPORTER="console")
    [log] = [log for log in documents(done.stdout) if log["body"] == "hello logged"]
    answer = json.loads(done.stdout.split("ANSWER ")[1].splitlines()[0])
    assert log["trace_id"] == f"0x{answer['trace_id']}"
    assert log["severity_text"] == "WARN"


def test_a_sampler_that_is_off_sends_nothing_but_the_id_is_there(tmp_path: Path) -> None:
    done = run(tmp_path, OTEL_TRACES_EXPORTER="console", OTEL_TRACES_SAMPLER="always_off")
    assert documents(done.stdout) == []
    assert len(json.loads(done.stdout.split("ANSWER ")[1].splitlines()[0])["trace_id"]) == 32


def test_propagators_are_the_operators_choice(tmp_path: Path) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = json.dumps({"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    assert trace_id in run(tmp_path, HEADERS=headers).stdout
    assert trace_id not in run(tmp_path, HEADERS=headers, OTEL_PROPAGATORS="none").stdout


def test_disabled_means_no_telemetry_and_a_working_application(tmp_path: Path) -> None:
    done = run(tmp_path, OTEL_SDK_DISABLED="true", OTEL_TRACES_EXPORTER="console", OTEL_LOGS_EXPORTER="console")
    assert done.returncode == 0
    assert documents(done.stdout) == []
    assert json.loads(done.stdout.split("ANSWER ")[1].splitlines()[0]) == {"trace_id": None}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_TRACES_EXPORTER", "zipkin-nope"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")],
)
def test_an_unknown_name_is_a_sentence(tmp_path: Path, variable: str, value: str) -> None:
    done = run(tmp_path, **{"OTEL_TRACES_EXPORTER": "otlp", variable: value})
    assert done.returncode != 0
    assert f"{variable} is wrong: " in done.stderr
    assert value in done.stderr


def test_the_pull_option_serves_metrics_with_exemplars(tmp_path: Path) -> None:
    done = run(tmp_path, "--pull")
    answer = json.loads(done.stdout.split("ANSWER ")[1].splitlines()[0])
    pulled = json.loads(done.stdout.split("PULLED ")[1].splitlines()[0])
    assert "http_server_request_duration_seconds_bucket" in pulled
    assert "process_memory_usage_bytes" in pulled
    assert answer["trace_id"]


def test_a_queue_smaller_than_our_batch_is_no_error(tmp_path: Path) -> None:
    done = run(tmp_path, OTEL_TRACES_EXPORTER="console", OTEL_BSP_MAX_QUEUE_SIZE="32")
    assert done.returncode == 0, done.stderr
    assert len(documents(done.stdout)) == 1


def test_workers_that_fork_are_instances_of_their_own(tmp_path: Path) -> None:
    """As under a server that loads the application first and forks then."""
    program = tmp_path / "forks.py"
    program.write_text(
        """
import os
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import trace
from vitals.telemetry import instrument

app = FastAPI()
instrument(app, service_name="forked")
for _ in range(2):
    if os.fork() == 0:
        with TestClient(app) as client:
            client.get("/")
            print(trace.get_tracer_provider().resource.attributes["service.instance.id"], flush=True)
        os._exit(0)
    os.wait()
"""
    )
    done = subprocess.run(
        [sys.executable, program], env={**os.environ, **NOTHING}, capture_output=True, text=True, timeout=60, check=True
    )
    assert len(set(done.stdout.split())) == 2


def test_sdk_drops_are_counted_by_default(tmp_path: Path) -> None:
    done = run(tmp_path, OTEL_METRICS_EXPORTER="console", OTEL_TRACES_EXPORTER="console")
    assert "otel.sdk.processor.span.processed" in done.stdout


def test_the_wire_format_is_encoded_by_upb() -> None:
    """Pure-Python protobuf costs fourteen times as much a span."""
    from google.protobuf.internal import api_implementation

    assert api_implementation.Type() == "upb"
