"""Warnings that would come with every request: each kind of them once a minute."""

from __future__ import annotations

import time

SECONDS_BETWEEN_WARNINGS = 60.0


class Seldom:
    """Remembers when each kind of warning was given last."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def due(self, kind: str) -> bool:
        """Whether one of this kind may be given now; if so, the next may in a minute."""
        now = time.monotonic()
        if now - self._last.get(kind, -SECONDS_BETWEEN_WARNINGS) < SECONDS_BETWEEN_WARNINGS:
            return False
        self._last[kind] = now
        return True
