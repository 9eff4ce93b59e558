"""The examination as a whole: nothing runs, or what listens is half dead; it never raises, and is always over in time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from vitals.cli.verbs.doctor import draw
from vitals.doctor import CHECKS, Check, Finding, Running, examine, is_well, names
from vitals.doctor.finding import Away, Elsewhere
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

from .test_stack_command import env, vitals

__all__ = ["env"]

ENGINES = (
    *("service_port", "collector_health_port", "collector_metrics_port", "prometheus_port", "elasticsearch_port", "jaeger_port"),
    *("jaeger_health_port", "node_exporter_port", "alertmanager_port"),
)


def examined(*checks: Check, limit_seconds: float = 5) -> list[Finding]:
    return examine(Running(StackSettings.load(), Settings.load()), checks, limit_seconds)


@contextlib.contextmanager
def listening(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections are taken by the system, and left to `behave`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=behave, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def say_nothing(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


def trickle(connection: socket.socket) -> None:
    """Always something, so that no time limit between two bytes is passed, and never an answer."""
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(1000):
            connection.sendall(b"X-%d: 1\r\n" % number)
            time.sleep(0.3)


def say_something_else(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")


@contextlib.contextmanager
def stack_of(behave: Callable[[socket.socket], None], state: Path) -> Iterator[Running]:
    """Every engine is one that behaves so."""
    with contextlib.ExitStack() as open_ports:
        ports = {name: open_ports.enter_context(listening(behave)) for name in ENGINES}
        settings = StackSettings.load(vitals_state_dir=state, **{k: v for k, v in ports.items() if k != "service_port"})
        settings = settings.model_copy(update={"service_port": ports["service_port"]})
        yield Running(settings, Settings.load(service_port=ports["service_port"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behave", "limit_seconds"),
    [(say_nothing, 15), (trickle, 5), (say_something_else, 15)],
    ids=["frozen", "trickling", "strange"],
)
def test_half_dead_engines_neither_hang_nor_raise(
    behave: Callable[[socket.socket], None], limit_seconds: float, tmp_path: Path
) -> None:
    with stack_of(behave, tmp_path) as running:
        begun = time.monotonic()
        findings = examine(running, CHECKS, limit_seconds)
        assert time.monotonic() - begun < limit_seconds + 1
    assert list(dict.fromkeys(one.check for one in findings)) == names()
    assert not is_well(findings)
    by_check = {one.check: one for one in findings}
    for blind in ("queues", "writes", "targets"):
        assert by_check[blind].severity in ("skipped", "wrong"), by_check[blind]
    if behave is say_nothing:
        components = [one.sentence for one in findings if one.check == "components"]
        assert len(components) == 7
        assert all("and does not answer within 3 s: it is frozen" in sentence for sentence in components)
        assert by_check["writes"].sentence == "elasticsearch does not answer (ReadTimeout)."


@pytest.mark.slow
def test_with_nothing_started_nothing_is_called_in_order(tmp_path: Path) -> None:
    """A disk with room is no comfort there."""
    with contextlib.ExitStack() as closed_ports:
        sockets = [closed_ports.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in ENGINES]
        ports = {name: one.getsockname()[1] for name, one in zip(ENGINES, sockets, strict=True)}
    settings = StackSettings.load(vitals_state_dir=tmp_path, **ports)
    findings = examine(Running(settings, Settings.load(service_port=ports["service_port"])), CHECKS, 15)
    assert findings[0].sentence == "Nothing of this stack is running: `vitals up` starts it."
    assert list(dict.fromkeys(one.check for one in findings)) == names()
    assert not [one for one in findings if one.severity == "ok"]
    assert not is_well(findings)


def test_what_raises_is_a_finding_and_others_are_told() -> None:
    def break_down(_: Running) -> list[Finding]:
        raise RuntimeError("of all things")

    well = Check(("well",), lambda _: [Finding("well", "ok", "All well.")])
    broken, other = examined(Check(("broken",), break_down), well)
    assert (broken.severity, other.severity) == ("wrong", "ok")
    assert "RuntimeError: of all things" in broken.sentence


def test_what_takes_too_long_is_given_up() -> None:
    end = threading.Event()
    slow = Check(("slow", "slow too"), lambda _: [Finding("slow", "ok", "at last")] if end.wait(60) else [])
    findings = examined(slow, limit_seconds=0.5)
    end.set()
    assert [(one.check, one.severity) for one in findings] == [("slow", "wrong"), ("slow too", "wrong")]


def test_an_engine_that_is_away_is_wrong_once() -> None:
    def ask(_: Running) -> list[Finding]:
        raise Away("jaeger does not answer.")

    def in_a_container(_: Running) -> list[Finding]:
        raise Elsewhere("not here")

    away, elsewhere = Check(("away",), ask), Check(("elsewhere",), in_a_container)
    named = Check(("components",), lambda _: [Finding("components", "wrong", "jaeger is away.")])
    assert [one.severity for one in examined(named, away, elsewhere)] == ["wrong", "skipped", "skipped"]
    # Nobody named its cause: then this is what is wrong.
    assert [one.severity for one in examined(away, elsewhere)] == ["wrong", "skipped"]


@pytest.mark.slow
def test_of_what_does_not_run_that_is_said(env: dict[str, str]) -> None:
    answer = vitals(env, "doctor", "--json")
    assert answer.returncode == 1, answer.stderr
    told = json.loads(answer.stdout)
    assert told["well"] is False
    by_check = {one["check"]: one for one in told["findings"]}
    assert list(by_check) == names()
    assert by_check["components"]["sentence"] == "Nothing of this stack is running: `vitals up` starts it."
    assert [one["check"] for one in told["findings"] if one["severity"] == "wrong"] == ["components"]
    assert by_check["writes"]["sentence"] == "elasticsearch does not answer (ConnectError)."


@pytest.mark.slow
def test_a_port_that_someone_else_holds_is_named_with_who(env: dict[str, str]) -> None:
    with listening(say_nothing) as port:
        told = json.loads(vitals({**env, "JAEGER_PORT": str(port)}, "doctor", "--json").stdout)
    [held] = [one for one in told["findings"] if one["check"] == "ports"]
    assert held["severity"] == "wrong"
    assert f"JAEGER_PORT {port} is held by " in held["sentence"]
    assert f"(process {os.getpid()}), which is not of this stack" in held["sentence"]


@pytest.mark.slow
def test_in_a_container_nothing_is_claimed_of_ports_and_folders(env: dict[str, str], tmp_path: Path) -> None:
    secrets = tmp_path / "state" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "elasticsearch-reader-password").write_text("made up")
    with listening(say_nothing) as port:
        there = {"SECRETS_DIR": str(secrets), "PROMETHEUS_URL": f"http://127.0.0.1:{port}"}
        told = json.loads(vitals({**env, **there}, "doctor", "--json").stdout)
    by_check = {one["check"]: one for one in told["findings"]}
    assert by_check["ports"]["severity"] == "skipped"
    assert by_check["collector log"]["severity"] == "skipped"
    assert by_check["disk"]["severity"] == "skipped", "the state folder is not what it is natively"
    sentences = [one["sentence"] for one in told["findings"] if one["check"] == "components"]
    assert any(f"prometheus takes connections at 127.0.0.1:{port}" in one for one in sentences)
    assert any("`docker compose up --detach collector` starts it" in one for one in sentences)


@pytest.mark.parametrize("terminal", [True, False])
def test_findings_are_drawn_as_they_are(terminal: bool) -> None:
    findings = [
        Finding("components", "ok", "All 7 are ready."),
        Finding("collector log", "warning", "[core] [Channel #1] grpc: failed to connect " + "and so on " * 20),
        Finding("writes", "wrong", "Elasticsearch refuses writes."),
    ]
    console = Console(file=StringIO(), force_terminal=terminal, width=100, highlight=False)
    draw(console, findings)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[core] [Channel #1] grpc" in text
    assert "1 is wrong." in text
    assert "1 warning." in text
    assert (len(text.splitlines()) > 5) == terminal, "on a terminal a long one is folded, elsewhere it is one line"
