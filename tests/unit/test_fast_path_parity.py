"""Both paths of a request say the same: random requests, one clock, all that leaves the process compared field by field."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .parity import logs_of, points_of, spans_of

pytestmark = pytest.mark.slow

MADE = ("otel.sdk.span.started", "otel.sdk.log.created")
"""What the SDK counts of spans and records when they are made."""

ROOT = Path(__file__).parents[2]


def sent(path: str, seed: int, requests: int, model: str, **options: str) -> Any:
    """What a run of the program sends."""
    environment = {
        **os.environ,
        "VITALS_FAST_PATH": path,
        "OTEL_METRIC_EXPORT_INTERVAL": "3600000",  # one collection, at the end
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        **options,
    }
    command = [sys.executable, "-m", "tests.unit.parity_requests", str(seed), str(requests), model]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize(("seed", "requests"), [(1, 200), (2, 200)])
def test_any_application(seed: int, requests: int) -> None:
    fast, sdk = (sent(path, seed, requests, "-") for path in ("on", "off"))
    spans = spans_of(fast)
    assert len(spans) > requests / 2
    assert spans == spans_of(sdk)
    assert points_of(fast, ("http.", *MADE)) == points_of(sdk, ("http.", *MADE))


@pytest.mark.parametrize("options", [{}, {"ROOT_PATH": "/ml", "FORWARDED_ALLOW_IPS": "10.0.0.1"}], ids=["alone", "proxied"])
def test_our_service(model_folder: Path, options: dict[str, str]) -> None:
    fast, sdk = (sent(path, 3, 80, str(model_folder), **options) for path in ("on", "off"))
    spans, logs = spans_of(fast), logs_of(fast)
    clients = {span["attributes"].get("client.address", {}).get("stringValue") for span in spans}
    assert ("203.0.113.7" in clients) is bool(options)
    assert {"POST /predict", "predict batch"} <= {span["name"] for span in spans}
    assert {"ml.prediction", "ml.validation.failed"} <= {
        log.get("eventName") or log["attributes"].get("otel.event.name", {}).get("stringValue") for log in logs
    }
    assert spans == spans_of(sdk)
    assert logs == logs_of(sdk)
    points = points_of(fast, ("http.", "ml.", *MADE))
    assert any("ml.inference.duration" in key for key in points)
    assert points == points_of(sdk, ("http.", "ml.", *MADE))
