"""What an application's telemetry has while it is served, whose providers it uses, and how it ends where nobody takes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .otlp_sink import otlp_sink, run_program

pytestmark = pytest.mark.slow

_BEGIN = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import contextvars, logging, os, threading, time
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from several_applications import application, decorated
from vitals.telemetry import applications, instrument
"""

EACH_START_MAKES_NEW_PROVIDERS = """
app = application("a")
telemetry = app.state.telemetry
assert telemetry.tracer_provider is telemetry.meter_provider is telemetry.logger_provider is None
seen, threads = [], threading.active_count()
for _ in range(2):
    with TestClient(app) as client:
        client.get("/x")
        assert isinstance(telemetry.tracer_provider, TracerProvider)
        assert isinstance(telemetry.meter_provider, MeterProvider)
        assert isinstance(telemetry.logger_provider, LoggerProvider)
        assert sorted(telemetry.deliveries) == ["logs", "metrics", "traces"]
        assert telemetry.started and not telemetry.provided and not telemetry.extended
        assert telemetry.tracer is telemetry.tracer_provider.get_tracer("vitals")
        assert telemetry.meter is telemetry.meter_provider.get_meter("vitals")
        assert trace.get_tracer_provider().resource == telemetry.tracer_provider.resource
        seen += [telemetry.tracer_provider, telemetry.meter_provider, telemetry.logger_provider]
    assert not telemetry.started
    assert not logging.getLogger().handlers
    deadline = time.monotonic() + 10
    while threading.active_count() > threads:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.01)
assert len(set(map(id, seen))) == 6
"""

GLOBAL_ONES_ARE_THE_SDKS = """
with TestClient(application("a")):
    assert isinstance(trace.get_tracer_provider(), TracerProvider)
    assert isinstance(metrics.get_meter_provider(), MeterProvider)
    assert isinstance(_logs.get_logger_provider(), LoggerProvider)
    tracer = trace.get_tracer("t")
    assert isinstance(tracer, Tracer)
    assert tracer is trace.get_tracer("t")
    assert tracer.resource.attributes["service.name"] == "a"
    assert trace.get_tracer("t", attributes={"a": 1}) is trace.get_tracer("t", attributes={"a": 1}) is not tracer
    try:
        metrics.get_meter("m").create_counter("no name")
    except Exception as refused:
        assert "Expected ASCII" in str(refused)
    else:
        raise AssertionError("a wrong name is refused when the instrument is made")
"""

PROCESSORS_OF_ALL = """
spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
first = application("a")
with TestClient(first) as a:
    assert not first.state.telemetry.extended
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
    assert first.state.telemetry.extended
    a.get("/x")
second = application("b")
with TestClient(second) as b:
    _logs.get_logger_provider().add_log_record_processor(SimpleLogRecordProcessor(logs))
    assert second.state.telemetry.extended
    b.get("/x")
with TestClient(first) as a:
    a.get("/x")
names = [(span.resource.attributes["service.name"], span.name) for span in spans.get_finished_spans()]
assert names == [(one, name) for one in "aba" for name in ("decorated", "work", "GET /x")], names
bodies = [log.log_record.body for log in logs.get_finished_logs()]
assert [one for one in bodies if one.startswith("in ")] == ["in b", "in a"], bodies
"""

PROVIDED_BY_THE_USER = """
spans, logs, reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
metrics.set_meter_provider(MeterProvider([reader]))
_logs.set_logger_provider(LoggerProvider())
_logs.get_logger_provider().add_log_record_processor(SimpleLogRecordProcessor(logs))
for times in (1, 2):
    app = application("a")
    with TestClient(app) as client:
        client.get("/x")
        assert app.state.telemetry.provided and not app.state.telemetry.deliveries and not app.state.telemetry.extended
        assert app.state.telemetry.tracer_provider is trace.get_tracer_provider()
        assert app.state.telemetry.meter_provider is metrics.get_meter_provider()
        assert app.state.telemetry.logger_provider is _logs.get_logger_provider()
    assert [span.name for span in spans.get_finished_spans()] == ["decorated", "work", "GET /x"] * times
    assert [log.log_record.body for log in logs.get_finished_logs()].count("in a") == times
decorated()
assert len(spans.get_finished_spans()) == 7, "they are not ours to end"
"""

GLOBALS_RESET_BY_A_TEST = """
from opentelemetry.util._once import Once
for times in range(2):
    with TestClient(application("a")) as client:
        client.get("/x")
        spans = InMemorySpanExporter()
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
        client.get("/x")
        assert [span.name for span in spans.get_finished_spans()] == ["decorated", "work", "GET /x"]
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = None, Once()
"""

PROVIDED_IN_PART = """
spans = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
app = application("a")
with TestClient(app) as client:
    client.get("/x")
    assert app.state.telemetry.provided
    assert sorted(app.state.telemetry.deliveries) == ["logs", "metrics"]
assert [span.name for span in spans.get_finished_spans()] == ["decorated", "work", "GET /x"]
"""

PULLED = """
app = application("a", pull=True)
for _ in range(2):
    with TestClient(app) as client:
        client.get("/x")
        assert 'calls_total{otel_scope_name="shop"' in client.get("/metrics").text
"""

DISABLED = """
os.environ["OTEL_SDK_DISABLED"] = "true"
app = application("a")
with TestClient(app) as client:
    assert client.get("/x").status_code == 200
    assert app.state.telemetry.tracer_provider is None and not app.state.telemetry.deliveries and not app.state.telemetry.provided
    with app.state.telemetry.tracer.start_as_current_span("a") as span:
        assert not span.is_recording()
    app.state.telemetry.meter.create_counter("a").add(1)
"""

ENTERING_IS_CHEAP = """
telemetry = application("a").state.telemetry
def cost(times=20000):
    begun = time.perf_counter()
    for _ in range(times):
        applications.leave(applications.enter(telemetry))
    return (time.perf_counter() - begun) / times
assert min(cost() for _ in range(20)) < 2e-6
token = applications.enter(telemetry)
contextvars.Context().run(applications.leave, token)
"""

A_PROPAGATOR_THAT_NAMES_NO_HEADERS = """
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

class Prefixed(TextMapPropagator):
    fields = frozenset()  # those that it injects
    def inject(self, carrier, context=None, setter=None):
        pass
    def extract(self, carrier, context=None, getter=None):
        for name in getter.keys(carrier):
            if name.startswith("x-own-"):
                called = SpanContext(int(name.removeprefix("x-own-"), 16), 1, True, TraceFlags(1))
                return trace.set_span_in_context(NonRecordingSpan(called), context or Context())
        return context or Context()

propagate.set_global_textmap(Prefixed())
for disabled in ("false", "true"):
    os.environ["OTEL_SDK_DISABLED"] = disabled
    app = FastAPI()
    instrument(app)
    seen = []
    @app.get("/seen")
    def answer():
        seen.append(trace.get_current_span().get_span_context().trace_id)
    with TestClient(app) as client:
        client.get("/seen", headers={"x-own-7": "1"})
        client.get("/seen")
    assert seen[0] == 7, (disabled, seen)
    assert seen[1] != 7, (disabled, seen)
"""

A_WRONG_VARIABLE_BEGINS_NOTHING = """
os.environ["OTEL_LOGS_EXPORTER"] = "wrong"
app = application("a")
threads = threading.active_count()
try:
    app.state.telemetry.start()
except ValueError as wrong:
    assert "OTEL_LOGS_EXPORTER" in str(wrong)
else:
    raise AssertionError
assert threading.active_count() == threads and not applications.running()
os.environ["OTEL_LOGS_EXPORTER"] = "otlp"
with TestClient(app) as client:
    client.get("/x")
"""


@pytest.mark.parametrize(
    "program",
    [
        EACH_START_MAKES_NEW_PROVIDERS,
        GLOBAL_ONES_ARE_THE_SDKS,
        PROCESSORS_OF_ALL,
        PROVIDED_BY_THE_USER,
        GLOBALS_RESET_BY_A_TEST,
        PROVIDED_IN_PART,
        PULLED,
        DISABLED,
        ENTERING_IS_CHEAP,
        A_PROPAGATOR_THAT_NAMES_NO_HEADERS,
        A_WRONG_VARIABLE_BEGINS_NOTHING,
    ],
    ids=[
        "each start makes new providers",
        "global ones are the SDK's",
        "processors of all",
        "provided by the user",
        "globals reset by a test",
        "provided in part",
        "pulled",
        "disabled",
        "entering is cheap",
        "a propagator that names no headers",
        "a wrong variable begins nothing",
    ],
)
def test_telemetry_of_an_application(program: str) -> None:
    with otlp_sink() as sink:
        run_program(_BEGIN + program, sink.environment)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_applications_end_at_once_where_no_collector_is(protocol: str) -> None:
    """Whether their lifespan runs or not, and each says once what is dropped."""
    program = """
def run(name):
    with TestClient(application(name)) as client:
        client.get("/x")
        begun = time.monotonic()
    assert time.monotonic() - begun < 1.5, time.monotonic() - begun

logging.basicConfig(level=logging.WARNING, format="%(message)s")
for _ in range(3):
    run("a")
for _ in range(5):
    TestClient(application("b")).get("/x")
import atexit, vitals.telemetry.runtime
ended = time.monotonic()
atexit._run_exitfuncs()
assert time.monotonic() - ended < 3, time.monotonic() - ended
"""
    done = run_program(
        _BEGIN + program,
        {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"},
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("Nobody took telemetry at ")]
    assert len(said) == 8
    # What one of several says at its end is a log record of another.
    assert all(re.search(r": \d+ metrics, 3 traces, [2-9] logs are dropped", line) for line in said), said
