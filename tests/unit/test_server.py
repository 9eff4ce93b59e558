"""The serving process, apart from what the application answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_UNTIL_READY = """
import gc, json, time
from fastapi.testclient import TestClient
from vitals.server import make_app
with TestClient(make_app()) as client:
    while client.get("/health/ready").status_code != 200:
        time.sleep(0.05)
    print(json.dumps({"out of sight": gc.get_freeze_count(), "in sight": len(gc.get_objects())}))
"""


def test_what_a_start_made_is_out_of_the_garbage_collectors_sight(model_folder: Path) -> None:
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
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
    assert objects["out of sight"] > 20 * objects["in sight"], objects
