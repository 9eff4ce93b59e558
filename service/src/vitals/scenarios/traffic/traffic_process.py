"""The traffic process from its parent's side: started, listened to, and ended with the parent's own work."""

from __future__ import annotations

import contextlib
import importlib.util
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from vitals.errors import StackError
from vitals.extras import install
from vitals.host.processes import end_group
from vitals.scenarios.traffic.plan import Plan, Told

_SILENT_SECONDS = 30.0
"""So long it may say nothing; it starts in about two seconds and tells something every second."""

_ENDS_WITHIN_SECONDS = 20.0


def can_send() -> None:
    """Raises StackError where Locust is not installed."""
    if importlib.util.find_spec("locust") is None:
        raise StackError(f"Scenarios send with Locust, which is not installed: {install('scenarios')}.")


@contextlib.contextmanager
def sending(plan: Plan, log: Path) -> Iterator[Iterator[Told]]:
    """What the traffic process tells, each second until it is done; leaving ends the process, with all its requests.

    Raises StackError, with the last line of `log`, when it ends badly or says nothing any more.
    """
    can_send()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "vitals.scenarios.traffic.locust_users", plan.model_dump_json()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        yield _told(child, lines, log)
    finally:
        end_group(child, _ENDS_WITHIN_SECONDS)
        reader.join()
        child.stdout.close()


def _read(pipe: Iterator[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    for line in pipe:
        lines.put(line)
    lines.put(None)


def _told(child: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes | None], log: Path) -> Iterator[Told]:
    while True:
        try:
            line = lines.get(timeout=_SILENT_SECONDS)
        except queue.Empty:
            raise StackError(f"The traffic has reported nothing for {_SILENT_SECONDS:.0f} s{_last_words(log)}") from None
        if line is None:
            break
        told = Told.read(line.decode(errors="replace"))
        if told is not None:
            yield told
    if child.wait(_ENDS_WITHIN_SECONDS) != 0:
        raise StackError(f"The traffic ended with status {child.returncode}{_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f": {lines[-1]} ({log})" if lines else f"; its log is {log}."
