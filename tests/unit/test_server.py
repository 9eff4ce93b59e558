"""The serving process, apart from what the application answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil
import pytest
import uvicorn

from vitals.host.processes import wait_until
from vitals.model import loading
from vitals.serving import server
from vitals.settings.service import Settings

from ..ports import free_ports

pytestmark = pytest.mark.slow

_UNTIL_READY = """
import gc, json, sys, time
from fastapi.testclient import TestClient
import vitals.app
from vitals.serving.server import make_app

load, once_loaded = vitals.app.load_model, []

def loading(*arguments, **options):
    model = load(*arguments, **options)
    once_loaded.append(gc.get_freeze_count())
    return model

vitals.app.load_model = loading
with TestClient(make_app()) as client:
    while client.get("/health/ready").status_code != 200:
        time.sleep(0.05)
    objects = {"once loaded": once_loaded, "out of sight": gc.get_freeze_count(), "in sight": len(gc.get_objects())}
    print(json.dumps({"switch seconds": sys.getswitchinterval(), **objects}))
"""


def _environment(model_folder: Path, **options: str) -> dict[str, str]:
    """That of a process which serves a model and sends nothing."""
    exporters = {f"OTEL_{kind}_EXPORTER": "none" for kind in ("TRACES", "METRICS", "LOGS")}
    return {**os.environ, **exporters, "MODEL_DIR": str(model_folder), "VITALS_ENV_FILE": os.devnull, **options}


def test_what_a_start_made_is_out_of_the_garbage_collectors_sight(model_folder: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _UNTIL_READY],
        env=_environment(model_folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    objects = json.loads(answer.stdout)
    assert objects["once loaded"] == [0], "the model is there before"
    assert objects["out of sight"] > 20 * objects["in sight"], objects
    assert objects["switch seconds"] == pytest.approx(0.0005)


@pytest.mark.parametrize("workers", [1, 2])
def test_that_is_what_serves_and_one_process_loads_the_model_once(
    workers: int, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked(Exception):
        """What uvicorn was to serve."""

    def config(application: Any, **_: Any) -> None:
        raise Asked(application)

    loaded = []
    monkeypatch.setattr(loading, "load", lambda folder, **_: loaded.append(folder) or "the model")
    monkeypatch.setattr(loading, "check_model", lambda *_, **__: None)
    monkeypatch.setattr(uvicorn, "Config", config)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(server, "_listen", lambda *_: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("VITALS_EPHEMERAL_PREDICTION_KEY", "")
    with pytest.raises(Asked) as asked:
        server.serve(Settings.load(model_dir=model_folder, service_workers=workers))
    [application] = asked.value.args
    if workers == 1:
        assert (application.func, application.args) == (server.make_app, ("the model",))
        assert loaded == [model_folder]
    else:
        assert application == "vitals.serving.server:make_app"
        assert loaded == []


def test_a_worker_that_dies_while_it_is_asked_whether_it_lives_is_replaced(model_folder: Path) -> None:
    with _two_workers(model_folder) as supervisor:
        victim, other = _workers(supervisor)
        victim.suspend()
        time.sleep(1.5)  # it is asked every half second
        victim.kill()
        replaced = wait_until(lambda: victim not in _workers(supervisor) and len(_workers(supervisor)) == 2, 15)
        assert replaced, "another worker takes its place"
        assert other in _workers(supervisor)


@contextmanager
def _two_workers(model_folder: Path) -> Iterator[psutil.Process]:
    [port] = free_ports(1)
    variables = _environment(model_folder, SERVICE_PORT=str(port), SERVICE_WORKERS="2")
    process = subprocess.Popen([sys.executable, "-m", "vitals.cli", "serve"], env=variables)
    try:
        supervisor = psutil.Process(process.pid)
        assert wait_until(lambda: _answers(port), 180), "it serves"
        assert wait_until(lambda: len(_workers(supervisor)) == 2, 180), "there are two workers"
        yield supervisor
    finally:
        process.terminate()
        process.wait(90)


def _workers(supervisor: psutil.Process) -> list[psutil.Process]:
    found = []
    for child in supervisor.children():
        with suppress(psutil.NoSuchProcess):
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child)
    return found


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_model_that_cannot_be_loaded_is_a_sentence_before_the_port_is_open(
    workers: str, model_folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model_folder, broken)
    (broken / "model.skops").write_bytes(b"no model")
    environment = _environment(broken, SERVICE_PORT=str(free_ports(1)[0]), SERVICE_WORKERS=workers)
    command = [sys.executable, "-m", "vitals.cli", "serve"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert str(broken) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
