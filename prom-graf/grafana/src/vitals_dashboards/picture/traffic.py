"""A stack of its own for the picture, and some minutes of traffic with trouble in it."""

from __future__ import annotations

import contextlib
import math
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil

from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings
from vitals_dev.overflowing_iris import OVERFLOWING, make_overflowing_iris

VITALS = Path(sys.executable).with_name("vitals")
FLOWERS = {  # mean and spread, in cm, of what is sent
    "setosa": ((5.0, 0.35), (3.4, 0.38), (1.5, 0.17), (0.25, 0.1)),
    "versicolor": ((5.9, 0.5), (2.8, 0.3), (4.3, 0.47), (1.3, 0.2)),
    "virginica": ((6.6, 0.6), (3.0, 0.3), (5.5, 0.55), (2.0, 0.27)),
}
NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
CLIENTS = 12


@contextmanager
def running_stack() -> Iterator[StackSettings]:
    """A stack on free ports with data of its own, whose alerts look back shortly; stopped, and its data deleted, at the end."""
    ours = {name.upper() for name in (*Settings.model_fields, *StackSettings.model_fields)} - {"VITALS_CACHE_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("OTEL_")}
    names = sorted(name for name in ours if name.endswith("_PORT"))
    state = Path(tempfile.mkdtemp(prefix="vitals-picture-"))
    state.chmod(0o755)  # Elasticsearch may run as another user
    chosen = {**dict(zip(names, map(str, _free_ports(len(names))), strict=True)), "VITALS_STATE_DIR": str(state)}
    environment = {**kept, **chosen, "VITALS_ENV_FILE": os.devnull, "ALERT_WINDOWS": "demo"}
    settings = StackSettings.load(
        **{name.lower(): value for name, value in chosen.items() if name.lower() in StackSettings.model_fields}
    )
    try:
        make_overflowing_iris(state / "model")
        subprocess.run([VITALS, "up"], env=environment, check=True)
        yield settings
    finally:
        subprocess.run([VITALS, "down", "--volumes"], env=environment, check=False)
        shutil.rmtree(state, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in range(21000, 32000):
        with socket.socket() as probe:
            if len(found) < count and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found


def send_mixed_traffic(settings: StackSettings, seconds: float) -> None:
    """Predictions in waves, some refused, some failing; inputs that shift, labels that change, and Jaeger frozen for a while."""
    begin = time.monotonic()
    clients = [
        threading.Thread(target=_client, args=(f"http://127.0.0.1:{settings.service_port}", number, begin, seconds))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    _freeze(settings.jaeger_otlp_port, begin + 0.45 * seconds, begin + 0.6 * seconds)
    for client in clients:
        client.join()


def _client(url: str, number: int, begin: float, seconds: float) -> None:
    rng = random.Random(number)  # noqa: S311 - traffic, no secret
    with httpx.Client(base_url=url, timeout=30) as client:
        while (now := time.monotonic() - begin) < seconds:
            part = now / seconds
            # Waves of two minutes; all clients at once in a burst.
            active = CLIENTS if 0.74 < part < 0.79 else 2 + 4 * (1 + math.sin(now / 120 * 2 * math.pi))
            if number < active:
                with contextlib.suppress(httpx.HTTPError):
                    _send(client, rng, part)
            time.sleep(rng.uniform(0.05, 0.15))


def _send(client: httpx.Client, rng: random.Random, part: float) -> None:
    kind, trouble = rng.random(), 0.3 < part < 0.38
    flower, row = _row(rng, part)
    if kind < (0.18 if trouble else 0.03):
        client.post("/predict", json={"features": {**row, "petal_width": "wide"}})
    elif kind < (0.28 if trouble else 0.03):
        # A number that overflows in the model: a real exception.
        client.post("/predict", json={"features": {**row, **OVERFLOWING}})
    elif kind < 0.06:
        client.get(rng.choice(("/model", "/model", "/no/such/path")))
    else:
        answer = client.post("/predict", json={"features": row})
        if answer.is_success and rng.random() < 0.5:
            _label(client, rng, answer.json()["prediction_id"], flower, part)


def _label(client: httpx.Client, rng: random.Random, prediction_id: str, flower: str, part: float) -> None:
    """The flower that it was; near the end botanists call half of one kind by another name: concept drift."""
    if part > 0.85 and flower == "versicolor" and rng.random() < 0.5:
        flower = "virginica"
    client.post("/labels", json={"prediction_id": prediction_id, "label": flower})
    if rng.random() < 0.02:
        client.post("/labels", json={"prediction_id": prediction_id, "label": flower})  # again: refused


def _row(rng: random.Random, part: float) -> tuple[str, dict[str, Any]]:
    """A flower; in the last third mostly two kinds, whose petals are measured in another way."""
    weights, longer = ((1, 1, 1), 0.0) if part < 0.66 else ((1, 4, 3), 0.5)
    [flower] = rng.choices(list(FLOWERS), weights)
    row = {name: round(max(0.1, rng.gauss(*measure)), 2) for name, measure in zip(NAMES, FLOWERS[flower], strict=True)}
    return flower, {**row, "petal_length": round(row["petal_length"] + longer, 2)}


def _freeze(port: int, begin: float, end: float) -> None:
    """Stop the process that listens on `port` from `begin` to `end` (monotonic seconds): its queue grows, then empties."""
    [listener] = [
        one
        for one in psutil.net_connections("tcp")
        if one.status == "LISTEN" and one.laddr and one.laddr.port == port and one.pid
    ]
    process = psutil.Process(listener.pid)
    time.sleep(max(0.0, begin - time.monotonic()))
    process.suspend()
    try:
        time.sleep(max(0.0, end - time.monotonic()))
    finally:
        process.resume()
