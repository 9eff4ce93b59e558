"""Draws the progress of long steps: a line for each with a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

PLAIN_EVERY_SECONDS = 30


class Drawn(Protocol):
    """vitals.host.progress.Progress, drawn."""

    def start(self, step: str, usual_seconds: float) -> None: ...

    def note(self, step: str, text: str) -> None: ...

    def done(self, step: str, text: str = "done") -> None: ...

    def failed(self, step: str, text: str = "failed") -> None: ...


@contextlib.contextmanager
def drawn(console: Console | None = None) -> Iterator[Drawn]:
    """Progress on stderr, so that stdout keeps what a verb gives."""
    console = console or Console(stderr=True)
    if console.is_terminal:
        bars = Bars(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=console,
        )
        with bars:
            yield _Terminal(bars)
    else:
        plain = _Plain(console)
        try:
            yield plain
        finally:
            plain.close()


def _usually(seconds: float) -> str:
    return f"usually takes about {seconds:.0f} s"


class _Terminal:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def start(self, step: str, usual_seconds: float) -> None:
        self._tasks[step] = self._bars.add_task(step, total=1, note=_usually(usual_seconds))

    def note(self, step: str, text: str) -> None:
        self._bars.update(self._tasks[step], note=text)

    def done(self, step: str, text: str = "done") -> None:
        if step in self._tasks:
            self._bars.update(self._tasks[step], completed=1, note=text)

    def failed(self, step: str, text: str = "failed") -> None:
        if step in self._tasks:
            self._bars.update(self._tasks[step], description=f"[red]{step}", note=text)
            self._bars.stop_task(self._tasks[step])


class _Plain:
    """A line when a step starts, every 30 seconds while it runs, and when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._ticker.start()

    def start(self, step: str, usual_seconds: float) -> None:
        with self._lock:
            self._running[step] = (time.monotonic(), _usually(usual_seconds))
            self._say(f"{step}: started, {_usually(usual_seconds)}")

    def note(self, step: str, text: str) -> None:
        with self._lock:
            self._say(f"{step}: {text}")

    def done(self, step: str, text: str = "done") -> None:
        self._end(step, text)

    def failed(self, step: str, text: str = "failed") -> None:
        self._end(step, text)

    def close(self) -> None:
        self._closed.set()
        self._ticker.join()

    def _end(self, step: str, text: str) -> None:
        with self._lock:
            if step in self._running:
                since, _ = self._running.pop(step)
                self._say(f"{step}: {text} after {time.monotonic() - since:.0f} s")

    def _tick(self) -> None:
        while not self._closed.wait(PLAIN_EVERY_SECONDS):
            with self._lock:
                for step, (since, usually) in self._running.items():
                    self._say(f"{step}: running for {time.monotonic() - since:.0f} s, {usually}")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
