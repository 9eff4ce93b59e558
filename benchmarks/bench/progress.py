"""What the command says meanwhile: on stderr, with how much is done and how long the rest takes."""

from __future__ import annotations

import sys
import time


class Progress:
    """Counts down the planned seconds, and corrects itself by how long what is done really took."""

    def __init__(self, planned: float) -> None:
        self._planned = planned
        self._done = 0.0
        self._begun = time.monotonic()

    def say(self, what: str) -> None:
        """One line on stderr."""
        left = self.left()
        share = min(1.0, self._done / self._planned) if self._planned else 1.0
        text = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
        print(f"[{share:4.0%}, {text} left] {what}", file=sys.stderr, flush=True)

    def did(self, seconds: float) -> None:
        """So many of the planned seconds are behind us."""
        self._done += seconds

    def late(self, limit: float) -> bool:
        """Whether the rest, at the pace so far, would end after the limit."""
        return time.monotonic() - self._begun + self.left() > limit

    def left(self) -> float:
        """Seconds that the rest takes, at the pace so far."""
        rest = max(0.0, self._planned - self._done)
        spent = time.monotonic() - self._begun
        pace = spent / self._done if self._done > 0.1 * self._planned else 1.0
        return rest * pace
