"""Where components are asked, and whose they are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vitals.host.addresses import host_to_ask
from vitals.host.ports import holders
from vitals.host.processes import MARK, wait_until
from vitals.orchestration.failure_sentences import sentence_of_a_late_start
from vitals.orchestration.status import Component, components, held_by_others
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

LISTENER = (
    "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); time.sleep(60)"
)


@contextmanager
def listening(**variables: str) -> Iterator[int]:
    """A process that listens on a port, with these variables."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENER], stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], **variables}
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({MARK: "ours:service"}, None),
        ({MARK: "theirs:service", "VITALS_STATE_DIR": "/var/lib/vitals/other"}, "which is of the stack in /var/lib/vitals/other"),
        ({}, "which is not of this stack"),
    ],
    ids=["ours", "another stack's", "nobody's that we know"],
)
def test_whose_a_component_is(variables: dict[str, str], told: str | None) -> None:
    with listening(**variables) as port:
        one = Component("prometheus", f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}/-/ready")
        assert wait_until(lambda: port in holders(), 10)
        found = held_by_others([one], "ours")
    if told is None:
        assert found == {}
    else:
        assert list(found) == ["prometheus"]
        assert found["prometheus"].endswith(told)


def test_a_port_that_nobody_holds_is_nobodys() -> None:
    assert held_by_others([Component("x", "http://127.0.0.1:1", "http://127.0.0.1:1/")], "ours") == {}


@pytest.mark.parametrize(
    ("listening_on", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - compared with
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("fd00::2", "[fd00::2]"),
        ("10.0.0.7", "10.0.0.7"),
        ("localhost", "localhost"),
    ],
)
def test_the_service_is_asked_where_it_listens(listening_on: str, asked: str) -> None:
    assert host_to_ask(listening_on) == asked
    [service] = components(StackSettings.load(), Settings.load(service_host=listening_on), "service")[:1]
    assert service.url == f"http://{asked}:8000"


def test_a_start_that_takes_too_long_says_what_each_answers(tmp_path: Path) -> None:
    asked = [Component("service", "http://[::1]:1", "http://[::1]:1/health/ready")]
    told = sentence_of_a_late_start(["service", "canary"], asked, 240, tmp_path)
    assert told == f"After 240 s service does not listen at [::1]:1; canary is not ready. The logs are in {tmp_path}."
