"""What tests of odd inputs look at: the client's documents, what was counted, what fires, and who was harmed beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..stack.conftest import Stack
from .accountant import balance
from .engines import collector_metric
from .load import Load
from .malformed_otlp import Client
from .results import Row


def collector(stack: Stack, name: str, **labels: str) -> float:
    """One of the metrics of the stack's Collector."""
    return collector_metric(stack.settings.collector_metrics_port, name, **labels)


def fires(stack: Stack, alert: str, **labels: str) -> bool:
    """Whether an alert with these labels fires, or did within the last minutes."""
    selector = ",".join(f'{name}="{one}"' for name, one in {"alertname": alert, "alertstate": "firing", **labels}.items())
    return bool(stack.query(f"last_over_time(ALERTS{{{selector}}}[10m])"))


def documents(stack: Stack, client: Client, index: str = "logs-*") -> list[dict[str, Any]]:
    """What Elasticsearch has of a client."""
    return stack.documents(index, {"term": {"resource.attributes.service.name": client.name}})


def a_client(stack: Stack, name: str) -> Client:
    return Client(f"http://127.0.0.1:{stack.settings.otlp_http_port}", name)


@contextmanager
def undisturbed(stack: Stack, row: Row, name: str, folder: Path) -> Iterator[Load]:
    """A service under load beside what the test does: at the end each of its answered requests is everywhere, once."""
    with stack.another_service(name) as service:
        with Load(service.url, folder=folder) as load:
            load.wait(3)
            yield load
            load.wait(2)
        answers = load.answers()
        found = balance(stack, name, answers, within=90)
        row.figures |= {
            "others_answered": len([one for one in answers if one.ok]),
            "others_lost": found.lost,
            "others_duplicated": found.duplicated,
        }
        assert all(one.ok for one in answers)
        assert found.complete, found.table()


@contextmanager
def every_second(do: Callable[[], object]) -> Iterator[None]:
    """Do something about every second, in a thread, while the block runs; what went wrong there fails the block at its end."""
    stop, wrong = threading.Event(), []

    def go_on() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            try:
                do()
            except Exception as error:
                wrong.append(error)
                return
            stop.wait(max(0.0, 1 - (time.monotonic() - begun)))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if wrong:
        raise wrong[0]
