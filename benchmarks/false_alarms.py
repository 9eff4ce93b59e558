"""How often windows without drift are called drifted, and drifted ones are found: PSI with its noise, and a fixed limit.

    .venv/bin/python benchmarks/false_alarms.py            the tables of docs/model-monitoring.md
    .venv/bin/python benchmarks/false_alarms.py --json     the same as JSON
    .venv/bin/python benchmarks/false_alarms.py --windows 20000

Every window belongs to one of many simulated references: what an unlucky reference does to all of its windows is counted too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.datasets import load_iris

from vitals.bundle.divergences import PSI_THRESHOLD, psi, psi_threshold, shares
from vitals.profiling.statistics.bin_edges import MOST_BINS, ROWS_PER_BIN, cut
from vitals.profiling.statistics.psi_null_distribution import psi_null

REFERENCE_ROWS = (112, 500, 5000)
WINDOW_ROWS = (100, 150, 300, 1000, 5000)
FEATURES = (4, 30)
SHIFTS = (0.5, 1.0)
"""Of the mean, in standard deviations of the feature."""

WINDOWS = 20_000
WINDOWS_OF_A_REFERENCE = 40

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Rates:
    """Shares of simulated windows."""

    data: str
    reference_rows: int
    bins: int
    features: int
    window_rows: int
    threshold: float
    """Of the feature that has the highest one."""
    windows: int
    false_alarms: float
    """Windows without drift in which any feature passes its threshold."""
    error: float
    """Its standard error; windows of one reference are not independent."""
    of_worst_references: float
    """The same, for the reference that is worse than 19 of 20."""
    false_alarms_fixed: float
    """Windows without drift in which any feature's PSI passes 0.2, whatever the sizes."""
    power: dict[str, float]
    """By shift: windows in which the one feature that is shifted passes its threshold."""
    power_fixed: dict[str, float]


def bins_of(rows: int) -> int:
    """Quantile bins of a numeric feature in a profile made of so many rows."""
    return max(2, min(MOST_BINS, rows // ROWS_PER_BIN))


def normal(
    reference_rows: int, window_rows: int, features: int, *, bins: int | None = None, windows: int = WINDOWS, seed: int = 1
) -> Rates:
    """Rates for independent normal features, the worst case for a family of features; `bins` as in a profile, or so many."""
    rng = np.random.default_rng(seed)
    many, references = bins or bins_of(reference_rows), max(1, windows // WINDOWS_OF_A_REFERENCE)
    # A continuous feature's quantile bins hold equal shares of the reference. What they hold of the whole population is drawn:
    # the gaps between the order statistics of a uniform sample (David and Nagaraja, Order Statistics, 2003, section 6.4).
    held = rng.dirichlet(np.full(many, (reference_rows + 1) / many), (references, features))
    edges = np.minimum(held.cumsum(axis=-1)[..., :-1], 1.0)
    expected = np.full(many, 1 / many)
    null = psi_null(expected.tolist(), rows=reference_rows, features=features)
    threshold = psi_threshold(null, window_rows, reference_rows)

    def measured(shift: float, of: Numbers) -> Numbers:
        """PSI, shape (references, windows of one, features)."""
        ends = np.zeros((*of.shape[:-1], 1)), np.ones((*of.shape[:-1], 1))
        cells = np.diff(np.concatenate([ends[0], norm.cdf(norm.ppf(of) - shift), ends[1]], axis=-1))[:, None]
        size = (references, WINDOWS_OF_A_REFERENCE, of.shape[1])
        return psi(shares(rng.multinomial(window_rows, cells, size=size)), expected)

    still = measured(0, edges)
    shifted = {shift: measured(shift, edges[:, :1]) for shift in SHIFTS}
    return _rates("normal", reference_rows, many, window_rows, threshold, still, shifted)


def iris(reference_rows: int, window_rows: int, *, windows: int = WINDOWS, seed: int = 1) -> Rates:
    """Rates for the features of iris, correlated and with ties; its 150 rows are the population that everything is drawn from.

    Power is the mean over the four features, each shifted alone.
    """
    rng = np.random.default_rng(seed)
    population: Numbers = load_iris().data
    spread = population.std(axis=0, ddof=1)
    references = max(1, windows // WINDOWS_OF_A_REFERENCE)
    thresholds, still = [], []
    shifted: dict[float, list[Numbers]] = {shift: [] for shift in SHIFTS}
    for _ in range(references):
        reference = population[rng.integers(len(population), size=reference_rows)]
        cuts = [np.array(cut(one, reference_rows).edges[1:-1]) for one in reference.T]
        expected = [shares(_counted(one[None], cut))[0] for one, cut in zip(reference.T, cuts, strict=True)]
        nulls = [psi_null(one.tolist(), rows=reference_rows, features=len(expected)) for one in expected]
        thresholds.append(psi_threshold(nulls, window_rows, reference_rows))
        rows = population[rng.integers(len(population), size=(WINDOWS_OF_A_REFERENCE, window_rows))]
        for shift, into in ((0.0, still), *shifted.items()):
            of_each = zip(np.moveaxis(rows + shift * spread, -1, 0), cuts, expected, strict=True)
            into.append(np.stack([psi(shares(_counted(moved, cut)), one) for moved, cut, one in of_each], axis=-1))
    stacked = {shift: np.stack(found) for shift, found in shifted.items()}
    return _rates(
        "iris", reference_rows, bins_of(reference_rows), window_rows, np.stack(thresholds)[:, None], np.stack(still), stacked
    )


def _counted(rows: Numbers, cuts: Numbers) -> Numbers:
    """Rows of each window, shape (windows, rows), by bin: shape (windows, bins)."""
    at = np.searchsorted(cuts, rows, side="right")
    return np.stack([(at == one).sum(axis=1) for one in range(len(cuts) + 1)], axis=1).astype(np.float64)


def _rates(
    data: str, reference_rows: int, bins: int, window_rows: int, threshold: Numbers, still: Numbers, shifted: dict[float, Numbers]
) -> Rates:
    """From PSI of shape (references, windows, features), and the threshold of each."""
    alarms = (still > threshold).any(axis=-1)
    return Rates(
        data=data,
        reference_rows=reference_rows,
        bins=bins,
        features=still.shape[-1],
        window_rows=window_rows,
        threshold=float(np.max(threshold)),
        windows=alarms.size,
        false_alarms=float(alarms.mean()),
        error=max(float(alarms.mean(axis=1).std(ddof=1)) / math.sqrt(len(alarms)), 1 / alarms.size),
        of_worst_references=float(np.quantile(alarms.mean(axis=1), 0.95)),
        false_alarms_fixed=float((still > PSI_THRESHOLD).any(axis=-1).mean()),
        power={str(shift): float((found > threshold).mean()) for shift, found in shifted.items()},
        power_fixed={str(shift): float((found > PSI_THRESHOLD).mean()) for shift, found in shifted.items()},
    )


def everything(windows: int) -> Iterator[Rates]:
    """Every row of the tables."""
    for reference_rows in REFERENCE_ROWS:
        for features in FEATURES:
            for window_rows in WINDOW_ROWS:
                yield normal(reference_rows, window_rows, features, windows=windows)
                if bins_of(reference_rows) < 10 and features == min(FEATURES):
                    yield normal(reference_rows, window_rows, features, bins=10, windows=windows)
    for window_rows in WINDOW_ROWS:
        yield iris(112, window_rows, windows=windows)


HEAD = (
    "| data | reference rows | bins | features | window rows | threshold | false alarms | worst reference in 20 | at a fixed 0.2 "
    "| power 0.5 sd (fixed) | power 1 sd (fixed) |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def line(one: Rates) -> str:
    """One row of the table."""
    power = " | ".join(f"{one.power[str(shift)]:.1%} ({one.power_fixed[str(shift)]:.1%})" for shift in SHIFTS)
    return (
        f"| {one.data} | {one.reference_rows} | {one.bins} | {one.features} | {one.window_rows} | {one.threshold:.3f} "
        f"| {one.false_alarms:.2%} ± {one.error:.2%} | {one.of_worst_references:.0%} | {one.false_alarms_fixed:.2%} | {power} |"
    )


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--json", action="store_true", help="print JSON")
    options.add_argument("--windows", type=int, default=WINDOWS, help=f"windows for each row of the table ({WINDOWS})")
    given = options.parse_args()
    began = time.monotonic()
    if not given.json:
        print(HEAD)
    found = []
    for one in everything(given.windows):
        found.append(one)
        if not given.json:
            print(line(one), flush=True)
    took = time.monotonic() - began
    if given.json:
        print(
            json.dumps(
                {"python": platform.python_version(), "seconds": took, "rates": [dataclasses.asdict(one) for one in found]}
            )
        )
    else:
        print(f"\n{given.windows} windows a row, {took:.0f} s, Python {platform.python_version()}, {platform.machine()}")


if __name__ == "__main__":
    main()
