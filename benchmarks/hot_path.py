"""What monitoring adds to a request: counting its features and its prediction, what its confidence is worth, and a signed id.

    python benchmarks/hot_path.py [--json] [--runs 15]

Each figure is the median of several runs, taken in turn with a loop that does nothing; what is printed is the difference. Below
them, as a yardstick, what one `add` of a counter of the SDK costs.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider

from vitals.bundle.schema import Bin, CalibrationBin, Feature, Predictions, Profile
from vitals.monitoring.model_monitoring import ModelMonitoring
from vitals.monitoring.predictions import Calibration

BUDGET_ADDS = 2.4
"""For a request with four features, in adds of the SDK's counter in the same run: 10 µs where one takes 4.2.

Seen: 1.2 to 1.9, mostly 1.55, while the request took 6 to 14 µs by the clock of a machine whose speed changes.
"""

_CALLS = 5_000


def profile(features: int) -> Profile:
    """A classification with ten quantile bins a feature, as made from a normal distribution."""
    edges = tuple(statistics.NormalDist().inv_cdf(share / 10) for share in range(1, 10))
    edges = (-4.0, *edges, 4.0)
    names = [f"{number:02d}" for number in range(1, 11)]
    numeric = [
        ("(below)", "01", 0.0),
        *((name, name, 0.1) for name in names),
        ("(above)", "10", 0.0),
        ("(missing)", "(missing)", 0.0),
    ]
    bins = tuple(Bin(name=name, drift=drift, share=share) for name, drift, share in numeric)
    classes = ("a", "b", "c")
    ups = [number / 10 for number in range(1, 11)]
    return Profile(
        task="classification",
        target="class",
        classes=classes,
        rows=1000,
        features=tuple(
            Feature(
                name=f"feature {number}",
                kind="numeric",
                edges=edges,
                bins=bins,
                psi_null=20,
                missing_allowed=True,
                missing_share=0,
                example=0.0,
            )
            for number in range(features)
        ),
        predictions=Predictions(
            bins=tuple(Bin(name=name, drift=name, share=1 / 3) for name in classes),
            psi_null=10,
            calibration=tuple(CalibrationBin(up_to=up, rows=100, share=0.1, confidence=up, accuracy=up) for up in ups),
        ),
        quality={"accuracy": 0.9},
        quality_rows=1000,
    )


def measure(features: int, *, runs: int = 15) -> dict[str, float]:
    """Microseconds a request of one row with so many features: all of it, and its parts."""
    provider = MeterProvider()
    described = profile(features)
    monitoring = ModelMonitoring(
        provider.get_meter("benchmark"), described, name="made", version="0123456789ab", key=b"k" * 32, labels_max_age_seconds=1
    )
    chance = random.Random(20)  # noqa: S311  (no secret is made of it)
    rows = [[chance.gauss(0, 1) for _ in range(features)] for _ in range(_CALLS)]
    answers = [(chance.randrange(3), chance.uniform(0.4, 1)) for _ in range(_CALLS)]
    calibration = Calibration(described.predictions)

    def nothing(_: list[float], __: int, ___: float) -> None:
        pass

    def everything(row: list[float], index: int, confidence: float) -> None:
        monitoring.asked([row])
        monitoring.answered("a", index, confidence)

    def counting_features(row: list[float], _: int, __: float) -> None:
        monitoring.asked([row])

    def counting_predictions(_: list[float], index: int, confidence: float) -> None:
        monitoring.predictions.count_class(index, confidence)

    def expecting(_: list[float], __: int, confidence: float) -> None:
        calibration.expected(confidence)

    def making_ids(_: list[float], index: int, __: float) -> None:
        monitoring._ids.of_class(index, 0.5, time.time())

    counter, attributes = provider.get_meter("yardstick").create_counter("adds"), {"ml.model.name": "made"}

    def one_add_of_the_sdk(_: list[float], __: int, ___: float) -> None:
        counter.add(1, attributes)

    parts = [nothing, everything, counting_features, counting_predictions, expecting, making_ids, one_add_of_the_sdk]
    took: dict[str, list[float]] = {part.__name__: [] for part in parts}
    for _ in range(runs):
        for part in parts:  # in turn, so that a busy moment of the machine hits all alike
            took[part.__name__].append(_once(part, rows, answers))
    baseline = statistics.median(took.pop("nothing"))
    provider.shutdown()
    return {name: statistics.median(times) - baseline for name, times in took.items()}


def _once(part: Callable[..., None], rows: Sequence[Any], answers: Sequence[tuple[int, float]]) -> float:
    start = time.thread_time()  # of the processor: another process that takes its turn is no cost of ours
    for row, (index, confidence) in zip(rows, answers, strict=True):
        part(row, index, confidence)
    return (time.thread_time() - start) / len(rows) * 1e6


def main() -> None:
    """Print the figures for 4 and 30 features."""
    parser = argparse.ArgumentParser(description=Path(__file__).name)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--runs", type=int, default=15, help="each figure is the median of so many")
    given = parser.parse_args()
    figures = {features: measure(features, runs=given.runs) for features in (4, 30)}
    if given.json:
        print(json.dumps({"unit": "µs a request", "features": figures}, ensure_ascii=False))
        return
    print(f"{'µs a request':24} {'4 features':>12} {'30 features':>12}")
    for name in figures[4]:
        print(f"{name.replace('_', ' '):24} {figures[4][name]:12.2f} {figures[30][name]:12.2f}")


if __name__ == "__main__":
    main()
