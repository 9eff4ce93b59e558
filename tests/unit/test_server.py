"""The serving process, apart from what the application answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from vitals import server
from vitals.settings import Settings

_UNTIL_READY = """
import gc, json, time
from fastapi.testclient import TestClient
import vitals.app
from vitals.server import make_app

load, once_loaded = vitals.app.load_model, []

def loading(*arguments, **options):
    model = load(*arguments, **options)
    once_loaded.append(gc.get_freeze_count())
    return model

vitals.app.load_model = loading
with TestClient(make_app()) as client:
    while client.get("/health/ready").status_code != 200:
        time.sleep(0.05)
    print(json.dumps({"once loaded": once_loaded, "out of sight": gc.get_freeze_count(), "in sight": len(gc.get_objects())}))
"""


def test_what_a_start_made_is_out_of_the_garbage_collectors_sight(model_folder: Path) -> None:
    exporters = {f"OTEL_{kind}_EXPORTER": "none" for kind in ("TRACES", "METRICS", "LOGS")}
    answer = subprocess.run(
        [sys.executable, "-c", _UNTIL_READY],
        env={**os.environ, **exporters, "MODEL_DIR": str(model_folder), "VITALS_ENV_FILE": os.devnull},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    objects = json.loads(answer.stdout)
    assert objects["once loaded"] == [0], "the model is there before"
    assert objects["out of sight"] > 20 * objects["in sight"], objects


def test_that_is_what_serves(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(Exception):
        """What uvicorn was to serve."""

    def config(application: str, **_: Any) -> None:
        raise Asked(application)

    monkeypatch.setattr(uvicorn, "Config", config)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(server, "_listen", lambda *_: None)
    with pytest.raises(Asked, match=r"vitals\.server:make_app"):
        server.serve(Settings.load(model_dir=model_folder))
