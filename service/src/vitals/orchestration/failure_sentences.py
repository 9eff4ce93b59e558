"""From what a process printed before it ended to the sentence that says why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from vitals.orchestration.status import Component

_TROUBLE = re.compile(r"error|fatal|panic|exception|cannot|can't|could not|failed|wrong|invalid|denied", re.IGNORECASE)
_FRAME = re.compile(r"^\s+at |^\s*File \"|^goroutine |^\t|^Traceback|^\s*$")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def sentence_of_a_failed_start(name: str, said: Sequence[str], log: Path) -> str:
    """One sentence: the process's own last words about what is wrong, and where the rest is."""
    telling = _troubles(said) or _lines(said)
    if not telling:
        return f"{name} could not start, and said nothing about why; see {log}."
    # A restart repeats the words: each once, the last few.
    words = list(dict.fromkeys(telling))[-4:]
    return f"{name} could not start: {' '.join(words)} (its log: {log})"


def last_trouble(said: Sequence[str], most: int = 300) -> str:
    """The last line that tells of trouble, cut to so many characters; empty where none does."""
    telling = _troubles(said)
    return telling[-1][:most] if telling else ""


def _lines(said: Sequence[str]) -> list[str]:
    return [line.strip() for line in (_COLOURS.sub("", line) for line in said) if not _FRAME.match(line)]


def _troubles(said: Sequence[str]) -> list[str]:
    return [line for line in _lines(said) if _TROUBLE.search(line)]


def sentence_of_a_late_start(waiting: Sequence[str], asked: Sequence[Component], seconds: float, logs: Path) -> str:
    """What each that is not ready in time answers; asked: the components, as `vitals status` asks them."""
    by_name = {one.name: one for one in asked}
    reasons = [f"{name} {(name in by_name and by_name[name].unready()) or 'is not ready'}" for name in waiting]
    return f"After {seconds:.0f} s {'; '.join(reasons)}. The logs are in {logs}."
