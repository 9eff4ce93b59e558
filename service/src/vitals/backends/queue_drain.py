"""What the Collector still has to send to backends that are no longer chosen: their queues on disk are sent all the same.

A new Collector keeps the exporters of the backends before it, with nothing coming in: from a port that nobody knows.
Once such a queue is empty its exporter is left out, at the next swap.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

from vitals.backends.backend_table import BACKENDS, SIGNALS, Backend, Notes, Server, chosen, server_of
from vitals.backends.collector_config import FOLDER
from vitals.backends.collector_metrics import parsed
from vitals.host.progress import Progress
from vitals.host.secrets import write_atomically
from vitals.settings.stack import StackSettings

_RECORD = "backends.json"
_OVERRIDE = "draining.yaml"
_PATIENCE_SECONDS = 5
_QUEUE_SIZE = "otelcol_exporter_queue_size"


@dataclass(frozen=True)
class Queues:
    """The pipelines (as in `logs/loki`) of the chosen backends, of those that are emptied, and which of these are empty."""

    chosen: tuple[str, ...] = ()
    draining: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """Those that may still hold something."""
        return tuple(name for name in self.draining if name not in self.empty)


def planned(before: Queues, settings: StackSettings) -> Queues:
    """What a Collector with these options has to do, after one that did what `before` says; the same where nothing changed."""
    now = tuple(f"{signal}/{part}" for signal, name in chosen(settings).items() for part in name.split("+"))
    if now == before.chosen:
        return before
    left = [name for name in (*before.chosen, *before.waiting) if name not in now and _known(name).queue]
    return Queues(now, tuple(dict.fromkeys(left)))


def servers(queues: Queues, settings: StackSettings) -> set[Server]:
    """The engines that have to run until they got what waits for them."""
    return {server for name in queues.waiting if (server := server_of(_known(name), settings))}


def read(folder: Path) -> Queues:
    """What the Collector whose folder in the state this is was started with; nothing where there was none."""
    try:
        told: dict[str, list[str]] = json.loads((folder / _RECORD).read_text())
        return Queues(**{name: tuple(told[name]) for name in ("chosen", "draining", "empty")})
    except (OSError, ValueError, LookupError, TypeError):
        return Queues()


def write(folder: Path, queues: Queues) -> None:
    """Keep it for the next start, and write the file that makes the Collector do it."""
    write_atomically(folder / _RECORD, json.dumps(dataclasses.asdict(queues)), mode=0o600)
    override: dict[str, Any] = {
        "receivers": {"otlp/draining": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
        "service": {"pipelines": {name: {"receivers": ["otlp/draining"]} for name in queues.draining}},
    }
    write_atomically(folder / _OVERRIDE, json.dumps(override), mode=0o600)


def arguments(folder: Path, queues: Queues) -> list[str]:
    """The Collector's further arguments; the override comes last, and takes the pipelines' usual receiver from them."""
    if not queues.draining:
        return []
    files = [FOLDER / "backends" / f"{name}.yaml" for name in queues.draining]
    return [argument for file in (*files, folder / _OVERRIDE) for argument in ("--config", str(file))]


def emptied(queues: Queues, settings: StackSettings, folder: Path, told: Progress) -> Queues:
    """Wait while the queues of backends that are no longer chosen get smaller; what can't be sent stays, and is said."""
    step = f"what waits for {', '.join(queues.waiting)}"
    told.start(step, 1)
    sizes = watched(queues, settings)
    now = with_emptied(queues, sizes)
    write(folder, now)
    left = ", ".join(f"{_so_many(sizes[name])} for {name}" for name in now.waiting)
    told.done(step, f"{left} stay on disk, and are sent as soon as it answers" if left else "sent")
    return now


def asked(queues: Queues, settings: StackSettings) -> dict[str, float | None]:
    """How many bytes wait in each queue that is emptied, as the running Collector says; None where it does not say."""
    try:
        url = f"http://127.0.0.1:{settings.collector_metrics_port}/metrics"
        reading = parsed(httpx.get(url, timeout=3, trust_env=False).text, time.monotonic())
    except (httpx.HTTPError, ValueError):
        return dict.fromkeys(queues.waiting)
    by_label = [(dict(labels), size) for labels, size in reading.of(_QUEUE_SIZE).items()]
    sizes = {(of.get("data_type", ""), of.get("exporter", "")): size for of, size in by_label}
    return {name: sizes.get((name.split("/")[0], _known(name).queue)) for name in queues.waiting}


def watched(queues: Queues, settings: StackSettings) -> dict[str, float | None]:
    """`asked`, once every queue is empty, or none has got smaller for some seconds."""
    least = dict.fromkeys(queues.waiting, float("inf"))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        sizes = asked(queues, settings)
        if all(size == 0 for size in sizes.values()):
            return sizes
        smaller = {name: size for name, size in sizes.items() if size is not None and size < least[name]}
        if smaller:
            least |= smaller
            deadline = time.monotonic() + _PATIENCE_SECONDS
        if time.monotonic() > deadline:
            return sizes
        time.sleep(0.2)


def with_emptied(queues: Queues, sizes: Mapping[str, float | None]) -> Queues:
    """Those of size 0 are done with: nothing comes in any more."""
    emptied = [name for name, size in sizes.items() if size == 0]
    return dataclasses.replace(queues, empty=(*queues.empty, *emptied))


def _so_many(size: float | None) -> str:
    return "an unknown number of bytes" if size is None else f"{size:.0f} bytes"


def _known(name: str) -> Backend:
    """The backend behind a pipeline; one that someone added themselves is taken to have no queue."""
    signal, _, part = name.partition("/")
    of_signal = next((BACKENDS[one] for one in SIGNALS if one == signal), {})
    return of_signal.get(part, Backend("", Notes("", "", "")))
