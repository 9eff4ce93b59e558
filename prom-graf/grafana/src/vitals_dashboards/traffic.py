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

from vitals.settings import Settings, StackSettings

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
    """A stack on free ports with data of its own; stopped, and its data deleted, at the end."""
    ours = {name.upper() for name in (*Settings.model_fields, *StackSettings.model_fields)} - {"VITALS_CACHE_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("OTEL_")}
    names = sorted(name for name in ours if name.endswith("_PORT"))
    state = Path(tempfile.mkdtemp(prefix="vitals-picture-"))
    state.chmod(0o755)  # Elasticsearch may run as another user
    chosen = {**dict(zip(names, map(str, _free_ports(len(names))), strict=True)), "VITALS_STATE_DIR": str(state)}
    environment = {**kept, **chosen, "VITALS_ENV_FILE": os.devnull}
    settings = StackSettings.load(
        **{name.lower(): value for name, value in chosen.items() if name.lower() in StackSettings.model_fields}
    )
    try:
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
    """Predictions in waves, some refused and some failing, a shift of the inputs, and Jaeger frozen for a while."""
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
    if kind < (0.18 if trouble else 0.03):
        client.post("/predict", json={"features": {**_row(rng, part), "petal_width": "wide"}})
    elif kind < (0.28 if trouble else 0.035):
        # A number that overflows in the model's scaler: a real exception.
        client.post("/predict", json={"features": {**_row(rng, part), "sepal_width": 1.7e308}})
    elif kind < 0.06:
        client.get(rng.choice(("/model", "/model", "/no/such/path")))
    else:
        client.post("/predict", json={"features": _row(rng, part)})


def _row(rng: random.Random, part: float) -> dict[str, Any]:
    """A flower; in the last third mostly one kind, between the classes the model knows."""
    weights = (1, 1, 1) if part < 0.66 else (1, 4, 3)
    [flower] = rng.choices(list(FLOWERS), weights)
    return {name: round(max(0.1, rng.gauss(*measure)), 2) for name, measure in zip(NAMES, FLOWERS[flower], strict=True)}


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
