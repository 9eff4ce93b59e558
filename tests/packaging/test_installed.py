"""The wheel in an environment of its own and a folder that is not a checkout: instrumenting, and the whole stack."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from vitals.errors import WrongCheckout
from vitals.provisioning.data_owner import data_owner
from vitals.settings.stack import StackSettings

from ..stack.conftest import ROW, new_environment, new_state_folder
from .conftest import Environment

pytestmark = pytest.mark.timeout(900)

INSTRUMENTED = """
import asyncio
from fastapi import FastAPI
from vitals import instrument

app = FastAPI()
instrument(app, service_name="orders")
app.get("/orders/{number}")(lambda number: {"order": number})


async def main():
    said = []

    async def send(message):
        said.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
             "path": "/orders/7", "raw_path": b"/orders/7", "query_string": b"", "headers": [],
             "server": ("a", 80), "client": ("b", 1)}
    await app(scope, receive, send)
    print(said[0]["status"], *(value.decode() for name, value in said[0]["headers"] if name == b"traceresponse"))


asyncio.run(main())
"""
"""An application as README has it, and one request to it."""


def test_the_base_instruments_an_application(base: Environment) -> None:
    (base.work / "orders.py").write_text(INSTRUMENTED)
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    done = base.run("python", "orders.py", env={**os.environ, **exporters})
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"200 00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-9a-f]\n", done.stdout), done.stdout


@pytest.mark.parametrize("words", [("up",), ("trace", "7"), ("serve",), ("report", "--json")])
def test_the_base_says_which_extra_a_verb_needs(base: Environment, words: tuple[str, ...]) -> None:
    done = base.run("vitals", *words)
    assert done.returncode == 2
    assert re.fullmatch(
        rf"`vitals {words[0]}` needs more than is installed: pip install 'vitals-otel\[[a-z,]+\]'\.\n", done.stderr
    )


def test_its_state_folder_is_named_for_the_environment(full: Environment) -> None:
    program = "from vitals.settings.options import default_state_dir as folder; print(folder().name)"
    assert re.fullmatch(r"environment-[0-9a-f]{8}\n", full.run("python", "-c", program).stdout)


@pytest.fixture(scope="module")
def stack(full: Environment) -> Iterator[tuple[Environment, StackSettings]]:
    """The installed package's stack, by a .env in the folder that it is started in; stopped when the tests are done."""
    with new_state_folder() as state:
        told = new_environment(state)
        options = {name: told[name] for name in told if name.endswith("_PORT") or name in ("VITALS_STATE_DIR", "ALERT_WINDOWS")}
        (full.work / ".env").write_text("".join(f"{name}={value}\n" for name, value in options.items()) + "SOMEBODY_ELSES=1\n")
        env = {name: value for name, value in told.items() if name not in options}
        before = snapshot(full.package)
        try:
            started = full.run("vitals", "up", env=env, timeout=600)
            assert started.returncode == 0, started.stdout + started.stderr
            assert "SOMEBODY_ELSES" not in started.stderr
            yield full, StackSettings.load(**{name.lower(): value for name, value in options.items()})
        finally:
            stopped = full.run("vitals", "down", env=env, timeout=300)
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        assert [port for name, port in options.items() if name.endswith("_PORT") and listens(int(port))] == []
        assert snapshot(full.package) == before, "nothing is written where the package is installed"
        assert [path.name for path in full.work.iterdir()] == [".env"]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file but what Python itself compiles, with its size and time."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_a_request_is_followed_through_every_store(stack: tuple[Environment, StackSettings]) -> None:
    environment, settings = stack
    answer = httpx.post(f"http://127.0.0.1:{settings.service_port}/predict", json={"features": ROW}, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    followed = environment.run("vitals", "trace", answer.json()["trace_id"], "--wait", "30")
    assert followed.returncode == 0, followed.stdout + followed.stderr
    for store in ("Prometheus", "Elasticsearch", "Jaeger"):
        assert re.search(rf"{store} +[1-9]", followed.stdout), followed.stdout


def test_its_alerts_name_runbooks_that_are_there(stack: tuple[Environment, StackSettings]) -> None:
    _, settings = stack
    answer = httpx.get(f"http://127.0.0.1:{settings.prometheus_port}/api/v1/rules?type=alert", trust_env=False).json()
    named = [rule["annotations"]["runbook_url"] for group in answer["data"]["groups"] for rule in group["rules"]]
    assert len(named) > 10
    assert [path for path in named if not Path(path).is_file()] == []


def test_its_data_are_not_a_checkouts(stack: tuple[Environment, StackSettings]) -> None:
    environment, settings = stack
    with pytest.raises(WrongCheckout, match=re.escape(f"belong to the installation in {environment.package.parent}")):
        data_owner(settings.vitals_state_dir).must_not_be_another()


def test_doctor_finds_nothing_wrong_with_its_templates(stack: tuple[Environment, StackSettings]) -> None:
    environment, _ = stack
    said = environment.run("vitals", "doctor").stdout
    assert re.search(r"^ok +templates ", said, re.MULTILINE), said
