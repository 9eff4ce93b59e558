"""How large PSI gets without any drift: by drawing both samples from the same distribution, many times.

PSI of two samples of sizes n and m is close to a chi-squared variable times (1/n + 1/m) (Yurdakul and Naranjo 2020,
"Statistical properties of the population stability index", Journal of Risk Model Validation 14(4)); with rare bins it is
not, so the quantile is drawn instead of looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from vitals.bundle.divergences import FLOOR, psi

FALSE_ALARMS = 0.01
"""Of all windows without drift, the share in which any of a model's features may be called drifted."""

_WINDOWS = (100, 200, 500, 2000, 100_000)
"""Rows of the windows that are drawn: from fewer than FEWEST_ROWS of the measures on, a margin for the simulation's own noise."""

_FEWEST_DRAWS, _MOST_DRAWS = 5000, 50_000
_DRAWS_BEYOND = 5
_SEED = 1


def psi_null(shares: Sequence[float], *, rows: int, features: int, drawn: int | None = None) -> float:
    """The quantile 1 - 0.01/`features` of PSI / (1/n + 1/`rows`) without drift: the largest over windows of n ≥ 100 rows.

    `shares` are the reference's by drift bin; `drawn` is the number of rows that they were counted from where that is not `rows`.
    """
    # The order of bins does not matter to PSI, and features with about the same shares share a simulation.
    rounded = tuple(sorted(round(share, 2 if share > 0.05 else 3) for share in shares if share > 0))
    return _simulated(rounded, rows, drawn or rows, features)


@lru_cache(maxsize=1024)
def _simulated(rounded: tuple[float, ...], rows: int, drawn: int, features: int) -> float:
    weights = np.maximum(rounded, FLOOR)
    weights = weights / weights.sum()
    if len(weights) < 2:
        return 1.0
    draws = int(min(_MOST_DRAWS, max(_FEWEST_DRAWS, _DRAWS_BEYOND * features / FALSE_ALARMS)))
    random = np.random.default_rng(_SEED)
    reference = random.multinomial(drawn, weights, draws) / drawn
    level = 1 - FALSE_ALARMS / features
    quantiles = [
        np.quantile(psi(random.multinomial(window, weights, draws) / window, reference) / (1 / window + 1 / rows), level)
        for window in _WINDOWS
    ]
    return float(max(quantiles))
