"""The way of a request on a machine as people have them: all that is odd about it at once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from .conftest import ROW, VITALS, new_environment, new_state_folder

pytestmark = pytest.mark.slow

ODD = {
    "LC_ALL": "C",
    "LANG": "",
    "JAVA_HOME": "/gone/jdk",
    "GOOS": "plan9",
    "GOARCH": "386",
    "GOFLAGS": "-mod=vendor",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9"),
}


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


class OddStack:
    """Starts verbs with a strict umask."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def vitals(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [VITALS, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=600,
            check=False,
            umask=0o077,
        )


@pytest.fixture(scope="module", params=["::1" if _has_ipv6() else "0.0.0.0"])  # noqa: S104 - a machine without IPv6
def odd(request: pytest.FixtureRequest) -> Iterator[OddStack]:
    with new_state_folder() as around:
        state = around / "größe mit Lücken" / "der Zustand"
        environment = {
            **new_environment(state),
            **ODD,
            "SERVICE_HOST": request.param,
            "LOG_FILES": f" {around}/a b.log , ~/none.log",
        }
        del environment["HOME"]
        (around / "a b.log").write_text("ERROR from a file\n")
        (around / "größe mit Lücken").mkdir()
        stack = OddStack(environment)
        try:
            started = stack.vitals("up")
            assert started.returncode == 0, started.stdout + started.stderr
            assert "there is no file" in started.stderr
            assert "none.log" in started.stderr
            yield stack
        finally:
            stopped = stack.vitals("down")
            assert stopped.returncode == 0, stopped.stdout + stopped.stderr


def test_a_request_is_in_every_store(odd: OddStack) -> None:
    host = odd.environment["SERVICE_HOST"]
    url = f"http://{f'[{host}]' if ':' in host else '127.0.0.1'}:{odd.environment['SERVICE_PORT']}"
    answer = httpx.post(f"{url}/predict", json={"features": ROW}, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    followed = odd.vitals("trace", answer.json()["trace_id"], "--wait", "60", "--json")
    assert followed.returncode == 0, followed.stderr
    told = json.loads(followed.stdout)
    assert told["missing"] == []
    assert told["elasticsearch"]["spans"]
    assert told["jaeger"]["spans"]


def test_every_component_is_ready(odd: OddStack) -> None:
    shown = odd.vitals("status", "--json")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert all(one["ready"] for one in json.loads(shown.stdout).values())


def test_a_second_start_says_that_it_runs(odd: OddStack) -> None:
    again = odd.vitals("up")
    assert again.returncode == 0
    assert "It runs already, with the options of now; `vitals status` shows where." in again.stderr


def test_another_checkouts_status_does_not_take_it_for_its_own(odd: OddStack) -> None:
    with tempfile.TemporaryDirectory() as other:
        environment = {**odd.environment, "VITALS_STATE_DIR": other}
        shown = subprocess.run(
            [VITALS, "status"], env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
        )
    assert shown.returncode == 1
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines() if line.strip())
    assert lines["prometheus"].startswith("not ready")
    assert f"which is of the stack in {odd.environment['VITALS_STATE_DIR']}" in lines["prometheus"]


def test_what_is_in_the_state_folder_stays_the_owners(odd: OddStack) -> None:
    """Others may pass to what Elasticsearch has to read, and read nothing else."""
    state = Path(odd.environment["VITALS_STATE_DIR"])
    assert (state / "secrets").stat().st_mode & 0o077 == 0
    open_to_all = [path for path in (state / "secrets").iterdir() if path.stat().st_mode & 0o007]
    assert open_to_all == []
    if os.geteuid() == 0:
        assert state.stat().st_mode & 0o011 == 0o011
