"""Requests of every kind for the dashboards, to three models."""

from __future__ import annotations

import csv
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import cycle

import httpx2 as httpx
import pytest

from .conftest import BREAKS_THE_MODEL, ROW, Stack


@pytest.fixture(scope="module")
def traffic(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Requests of every kind for as long as the module runs: good ones with labels, refused ones, failing ones, unknown paths.

    Beside the stack's own model there is one that takes categories, and one that predicts numbers.
    """
    with ExitStack() as running:
        services = {}
        for name in ("penguins", "diabetes"):
            folder = tmp_path_factory.mktemp(name)
            made = stack.vitals("train-example", name, "--out", str(folder))
            assert made.returncode == 0, made.stdout + made.stderr
            with (folder / "held_out.csv").open() as file:
                rows = list(csv.DictReader(file))
            services[running.enter_context(stack.another_service(name, MODEL_DIR=str(folder))).url] = rows
        end = threading.Event()
        senders = [threading.Thread(target=_send_flowers, args=(stack.url, end))]
        senders += [threading.Thread(target=_send_rows, args=(url, rows, end)) for url, rows in services.items()]
        for sender in senders:
            sender.start()
        try:
            yield
        finally:
            end.set()
            for sender in senders:
                sender.join()


def _send_flowers(url: str, end: threading.Event) -> None:
    """To the stack's own model; what is asked of the dashboards here is not whether each connection lives."""
    rng = random.Random(7)  # noqa: S311 - traffic, no secret
    with httpx.Client(base_url=url, timeout=30) as client:
        while not end.wait(0.02):
            with suppress(httpx.TransportError):
                _send_one(client, rng)


def _send_one(client: httpx.Client, rng: random.Random) -> None:
    """With one feature as no flower has it: drift. One label in five is drawn at random."""
    kind = rng.random()
    if kind < 0.1:
        client.post("/predict", json={"features": {**ROW, "petal_width": "wide"}})
    elif kind < 0.2:
        client.post("/predict", json={"features": BREAKS_THE_MODEL})
    elif kind < 0.25:
        client.get("/no/such/path")
    elif kind < 0.3:
        client.get("/model")
    elif kind < 0.33:
        client.post("/labels", json={"prediction_id": "no-such-prediction", "label": "setosa"})
    else:
        answer = client.post("/predict", json={"features": {**ROW, "petal_length": rng.uniform(1, 6.9)}}).json()
        label = answer["prediction"] if rng.random() < 0.8 else rng.choice(("setosa", "versicolor", "virginica"))
        client.post("/labels", json={"prediction_id": answer["prediction_id"], "label": label})


def _send_rows(url: str, rows: Sequence[Mapping[str, str]], end: threading.Event) -> None:
    """Held-out rows with their labels: the last column; empty fields are missing values."""
    *_, target = rows[0]
    with httpx.Client(base_url=url, timeout=30) as client:
        for row in cycle(rows):
            if end.wait(0.1):
                return
            features = {name: _number_or_text(value) for name, value in row.items() if name != target and value}
            with suppress(httpx.TransportError):
                answer = client.post("/predict", json={"features": features}).raise_for_status().json()
                label = {"prediction_id": answer["prediction_id"], "label": _number_or_text(row[target])}
                client.post("/labels", json=label).raise_for_status()


def _number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
