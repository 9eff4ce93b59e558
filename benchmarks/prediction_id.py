"""What one prediction id costs: made, and read back with its signature checked.

    python benchmarks/prediction_id.py [--json] [--runs 15]

Each figure is the median of several runs, taken in turn with a loop that does nothing, in microseconds of processor time. The
yardstick is one keyed BLAKE2b of as many bytes in the same run: what a signature costs at least.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from vitals.monitoring.prediction_id import PredictionIds, question_of

BUDGET_MADE = 8.0
"""In yardsticks of the same run. Seen: 3.8."""

BUDGET_READ = 20.0
"""The same for reading one. Seen: 10."""

_CALLS = 5_000
_KEY = b"k" * 32


def measure(runs: int = 15) -> dict[str, float]:
    """Microseconds for one of each."""
    ids = PredictionIds(_KEY, version="0123456789ab", question=question_of("made", "classification", "class", ["a", "b"]))
    text, body, now = ids.of_class(1, 0.75, time.time()), b"b" * 29, time.time()

    def nothing() -> None:
        pass

    def made() -> None:
        ids.of_class(1, 0.75, now)

    def read() -> None:
        ids.read(text)

    def yardstick() -> None:
        hashlib.blake2b(body, key=_KEY, digest_size=16).digest()

    parts: list[Callable[[], None]] = [nothing, made, read, yardstick]
    took: dict[str, list[float]] = {part.__name__: [] for part in parts}
    for _ in range(runs):
        for part in parts:  # in turn, so that a busy moment of the machine hits all alike
            start = time.thread_time()
            for _ in range(_CALLS):
                part()
            took[part.__name__].append((time.thread_time() - start) / _CALLS * 1e6)
    baseline = statistics.median(took.pop("nothing"))
    return {name: statistics.median(times) - baseline for name, times in took.items()}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=Path(__file__).name)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--runs", type=int, default=15, help="each figure is the median of so many")
    given = parser.parse_args()
    figures = measure(given.runs)
    if given.json:
        print(json.dumps({"unit": "µs", **figures}, ensure_ascii=False))
        return
    for name, value in figures.items():
        print(f"{name:12} {value:8.2f} µs")


if __name__ == "__main__":
    main()
