"""`service.instance.id`: no two sources of the same metrics share one, and an operator's own stays where there is one."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path

import pytest

from .otlp_sink import otlp_sink, run_program

pytestmark = pytest.mark.slow

_BEGIN = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import multiprocessing, os
from fastapi.testclient import TestClient

def serve(*names):
    from several_applications import application

    for name in names:
        with TestClient(application(name)) as client:
            assert client.get("/x").status_code == 200

def at_once(*names):
    from several_applications import application

    if names:
        with TestClient(application(names[0])) as client:
            client.get("/x")
            at_once(*names[1:])

if __name__ == "__main__":
"""

_SPAWN = """
    context = multiprocessing.get_context("{method}")
    workers = [context.Process(target=serve, args=("a",)) for _ in range(2)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    assert not any(worker.exitcode for worker in workers)
"""

_FORK = """
    import vitals.telemetry
    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            serve("a")
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
"""

_FORK_WHILE_SERVING = """
    import atexit
    from several_applications import application, decorated
    with TestClient(application("a")) as client:
        client.get("/x")
        child = os.fork()
        if not child:
            decorated()
            atexit._run_exitfuncs()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        client.get("/x")
"""

_GUNICORN = """
    os.environ["SERVER_SOFTWARE"] = "gunicorn/23.0.0"
    serve("a")
"""


@pytest.mark.parametrize("program", ["    serve('a', 'b', 'a')", "    at_once('a', 'b')"], ids=["one after the other", "at once"])
def test_a_given_id_stays_in_a_single_process(program: str) -> None:
    with otlp_sink() as sink:
        run_program(_BEGIN + program, {**sink.environment, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=given"})
        assert sink.instances("a") == sink.instances("b") == {"given"}


@pytest.mark.parametrize(
    ("program", "processes"),
    [(_SPAWN.format(method="fork"), 2), (_FORK, 2), (_GUNICORN, 1)],
    ids=["multiprocessing", "fork", "gunicorn"],
)
def test_each_worker_makes_a_given_id_its_own(program: str, processes: int) -> None:
    with otlp_sink() as sink:
        run_program(_BEGIN + program, {**sink.environment, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=given"})
        instances = sink.instances("a")
        assert len(instances) == processes
        assert all(one.startswith("given.") and one[len("given.") :].isdecimal() for one in instances)
        assert sink.total("a", "calls") == processes


def test_two_of_one_name_at_once_are_told_apart() -> None:
    with otlp_sink() as sink:
        run_program(
            _BEGIN + "    at_once('a', 'a')", {**sink.environment, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=given"}
        )
        assert sink.instances("a") == {"given", "given.2"}
        assert sink.total("a", "calls") == 2


@pytest.mark.parametrize("program", ["    at_once('a', 'a')", "    serve('a', 'a')"], ids=["at once", "one after the other"])
def test_each_has_an_id_where_none_is_given(program: str) -> None:
    with otlp_sink() as sink:
        run_program(_BEGIN + program, sink.environment)
        assert len({uuid.UUID(one) for one in sink.instances("a")}) == 2
        assert sink.total("a", "calls") == 2


def test_a_process_that_is_forked_while_it_serves_is_an_instance_of_its_own() -> None:
    with otlp_sink() as sink:
        run_program(_BEGIN + _FORK_WHILE_SERVING, sink.environment)
        by_instance = Counter(one.resource["service.instance.id"] for one in sink.spans if one.item.name == "decorated")
        assert sorted(by_instance.values()) == [1, 2]
