"""What is wrong is one clear sentence and a non-zero exit, with nothing left running."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..ports import free_ports
from .conftest import VITALS, Stack, new_state_folder

pytestmark = pytest.mark.slow


def _serve(stack: Stack, **variables: str) -> subprocess.CompletedProcess[str]:
    [port] = free_ports(1)
    return subprocess.run(
        [VITALS, "serve"],
        env={**stack.environment, "SERVICE_PORT": str(port), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    [line] = done.stderr.strip().splitlines()
    for part in parts:
        assert part in line


@pytest.fixture
def copied_model(stack: Stack, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stack.state / "model", tmp_path / "model"))


def test_a_wrong_setting(stack: Stack) -> None:
    _one_sentence(_serve(stack, QUEUE_MAX_SIZE="many"), "QUEUE_MAX_SIZE is wrong", "'many'")


def test_each_wrong_setting_has_its_sentence(stack: Stack) -> None:
    done = _serve(stack, QUEUE_MAX_SIZE="many", LOG_LEVEL="LOUD")
    assert done.returncode == 2
    assert [line.split()[0] for line in done.stderr.strip().splitlines()] == ["QUEUE_MAX_SIZE", "LOG_LEVEL"]


def test_an_unknown_exporter(stack: Stack) -> None:
    _one_sentence(_serve(stack, OTEL_TRACES_EXPORTER="smoke"), "OTEL_TRACES_EXPORTER is wrong", "'smoke'")


def test_a_missing_artefact(stack: Stack, tmp_path: Path) -> None:
    _one_sentence(_serve(stack, MODEL_DIR=str(tmp_path)), "There is no model.json in MODEL_DIR", str(tmp_path))


def test_an_artefact_of_another_model(stack: Stack, copied_model: Path) -> None:
    artefact = copied_model / "model.skops"
    artefact.write_bytes(artefact.read_bytes() + b"\0")
    _one_sentence(_serve(stack, MODEL_DIR=str(copied_model)), "is not the file that model.json describes")


def test_a_port_in_use_for_the_service(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        _one_sentence(_serve(stack, SERVICE_PORT=port), f"SERVICE_PORT {port}", "in use")


@pytest.fixture
def other(stack: Stack) -> Iterator[dict[str, str]]:
    """The variables of a second stack, which is not to come up."""
    names = sorted(stack.settings.ports())
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    with new_state_folder() as state:
        yield {**stack.environment, **ports, "VITALS_STATE_DIR": str(state)}


def _up(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([VITALS, "up"], env=environment, capture_output=True, text=True, timeout=300, check=False)


def _nothing_listens(environment: dict[str, str], *but: str) -> None:
    for name, value in environment.items():
        if name.endswith("_PORT") and name not in but:
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", int(value))) != 0, f"{name} {value} is still open"


def test_a_port_in_use_for_the_stack_starts_nothing(other: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = {**other, "PROMETHEUS_PORT": port}
        done = _up(environment)
    assert done.returncode == 2
    assert "PROMETHEUS_PORT" in done.stderr
    assert port in done.stderr
    assert "Traceback" not in done.stderr
    _nothing_listens(environment, "PROMETHEUS_PORT")


def test_a_backend_that_does_not_exist_starts_nothing(other: dict[str, str]) -> None:
    environment = {**other, "TRACES_BACKEND": "zipkin"}
    done = _up(environment)
    assert done.returncode == 2
    assert "TRACES_BACKEND" in done.stderr
    assert "elasticsearch+jaeger" in done.stderr, "those that exist are listed"
    _nothing_listens(environment)


def test_a_model_that_cannot_be_served_leaves_nothing_running(other: dict[str, str], copied_model: Path) -> None:
    (copied_model / "model.json").write_text("{}")
    environment = {**other, "MODEL_DIR": str(copied_model)}
    done = _up(environment)
    assert done.returncode == 2
    assert "does not describe a model" in done.stderr
    assert "Traceback" not in done.stderr
    _nothing_listens(environment)


def test_a_proxy_of_the_caller_is_not_asked_for_loopback(stack: Stack) -> None:
    """The passwords of the stack would go there."""
    proxied = {**stack.environment, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    told = subprocess.run([VITALS, "status"], env=proxied, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stdout
