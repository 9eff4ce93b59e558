"""Several applications in one process, one after the other or at once: each reports as itself, and all of it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .otlp_sink import Sink, otlp_sink, run_program

pytestmark = pytest.mark.slow

_BEGIN = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from contextlib import ExitStack
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import _logs, metrics, trace
from several_applications import application, calls, decorated

def ask(client, times):
    for _ in range(times):
        assert client.get("/x").status_code == 200
"""

ONE_AFTER_THE_OTHER = """
for name, times in {"a": 3, "b": 2}.items():
    with TestClient(application(name)) as client:
        ask(client, times)
"""

THE_FIRST_ENDS_FIRST = """
with ExitStack() as first, TestClient(application("b")) as b:
    a = first.enter_context(TestClient(application("a")))
    ask(a, 1); ask(b, 1); ask(a, 2)
    first.close()
    ask(b, 1)
"""

THE_SECOND_ENDS_FIRST = """
with TestClient(application("b")) as b:
    with TestClient(application("a")) as a:
        ask(a, 1); ask(b, 1); ask(a, 2)
    ask(b, 1)
"""

THREE_TIMES_THE_SAME = """
b = application("b")
a = application("a")
for app, times in ((a, 1), (b, 2), (a, 1), (a, 1)):
    with TestClient(app) as client:
        ask(client, times)
"""

WITHOUT_LIFESPANS = """
a, b = TestClient(application("a")), TestClient(application("b"))
ask(a, 2); ask(b, 2); ask(a, 1)
"""

MOUNTED_IN_ANOTHER = """
from starlette.applications import Starlette

outer = Starlette()
outer.mount("/a", application("a"))
outer.mount("/b", application("b"))
with TestClient(outer) as client:
    for path in ("/a/x", "/b/x", "/a/x", "/a/x", "/b/x"):
        assert client.get(path).status_code == 200
"""

GLOBAL_PROVIDERS_SHUT_DOWN = """
with TestClient(application("a")) as a, TestClient(application("b")) as b:
    ask(a, 1)
    for _ in range(2):
        trace.get_tracer_provider().shutdown()
        metrics.get_meter_provider().shutdown()
        _logs.get_logger_provider().shutdown()
    ask(a, 2); ask(b, 2)
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with otlp_sink() as sink:
        yield sink


@pytest.mark.parametrize(
    "program",
    [
        ONE_AFTER_THE_OTHER,
        THE_FIRST_ENDS_FIRST,
        THE_SECOND_ENDS_FIRST,
        THREE_TIMES_THE_SAME,
        WITHOUT_LIFESPANS,
        MOUNTED_IN_ANOTHER,
        GLOBAL_PROVIDERS_SHUT_DOWN,
    ],
    ids=[
        "one after the other",
        "at once, the first ends first",
        "at once, the second ends first",
        "the same three times",
        "without lifespans",
        "mounted in another",
        "global providers shut down",
    ],
)
def test_each_application_reports_as_itself(program: str, sink: Sink) -> None:
    run_program(_BEGIN + program, sink.environment)
    assert {one.resource["service.name"] for one in [*sink.spans, *sink.logs, *sink.points]} == {"a", "b"}
    for service, times in {"a": 3, "b": 2}.items():
        route = f"/{service}/x" if program is MOUNTED_IN_ANOTHER else "/x"
        assert sink.span_names(service) == [f"GET {route}"] * times + ["decorated"] * times + ["work"] * times
        logged = [body for body in sink.log_bodies(service) if not body.startswith("The application's lifespan is not run: ")]
        assert logged == ["event"] * times + [f"in {service}"] * times
        assert sink.total(service, "calls") == times
        assert sink.total(service, "stock") == times
        assert sink.total(service, "seconds") == times
        assert {one.value for one in sink.last(service, "level")} == {3}
        assert sink.total(service, "http.server.request.duration") == times
        assert sink.last(service, "process.memory.usage"), "each tells how its process is"
        assert sink.total(service, "otel.sdk.exporter.span.exported") > 0


def test_what_describes_the_process_is_reported_once(sink: Sink) -> None:
    at_once = """
with TestClient(application("a")) as a, TestClient(application("b")) as b:
    ask(a, 1); ask(b, 1)
    for _ in range(2):
        metrics.get_meter_provider().force_flush()
"""
    run_program(_BEGIN + at_once, sink.environment)
    for metric in ("depth", "turns", "waiting"):
        assert [one.value for one in sink.last("a", metric)] == [7]
        assert sink.last("b", metric) == []


def test_the_next_reports_the_process_once_the_first_has_ended(sink: Sink) -> None:
    a_ends_first = """
with ExitStack() as first:
    first.enter_context(TestClient(application("a")))
    with TestClient(application("b")) as b:
        first.close()
        ask(b, 1)
"""
    run_program(_BEGIN + a_ends_first, sink.environment)
    assert [one.value for one in sink.last("a", "depth")] == [7]
    assert [one.value for one in sink.last("b", "depth")] == [7]


def test_an_observable_that_a_lifespan_makes_is_its_applications(sink: Sink) -> None:
    program = """
from contextlib import asynccontextmanager
from opentelemetry.metrics import Observation
from vitals import instrument

def lifespan_of(value):
    @asynccontextmanager
    async def lifespan(app):
        metrics.get_meter("late").create_observable_gauge("own", [lambda _: [Observation(value)]])
        yield
    return lifespan

def make(name, value):
    app = FastAPI(lifespan=lifespan_of(value))
    instrument(app, service_name=name)
    return app

with TestClient(make("a", 1)), TestClient(make("b", 2)):
    pass
"""
    run_program(_BEGIN + program, sink.environment)
    assert {service: [one.value for one in sink.last(service, "own")] for service in ("a", "b")} == {"a": [1], "b": [2]}


def test_code_outside_of_a_request_belongs_to_the_last_that_runs(sink: Sink) -> None:
    program = """
decorated()
calls.add(100)
with TestClient(application("a")) as a:
    with TestClient(application("b")) as b:
        decorated(); calls.add(1)
    decorated(); calls.add(2)
decorated()
calls.add(100)
"""
    run_program(_BEGIN + program, sink.environment)
    assert sink.span_names("a") == sink.span_names("b") == ["decorated"]
    assert (sink.total("a", "calls"), sink.total("b", "calls")) == (2, 1)
