"""The measures of drift, word for word what the recording rules compute: for profiles, reports, and to prove the rules."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOOR = 1e-4
"""The smallest share that PSI takes: an empty bin would make it infinite."""

PSI_THRESHOLD = 0.2
"""The usual limit of a significant change (Siddiqi 2006)."""

FEWEST_ROWS = 150
"""Below so many rows nothing is called drifted: an empty bin of few rows is a large PSI by itself."""

Shares = NDArray[np.float64]


def shares(counts: ArrayLike) -> Shares:
    """Counts by bin, shape (…, bins), as shares that add up to 1 along the last axis; NaN where there is no row."""
    rows = np.asarray(counts, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        found: Shares = rows / rows.sum(axis=-1, keepdims=True)
    return found


def psi(actual: ArrayLike, expected: ArrayLike) -> Shares:
    """The population stability index of two arrays of shares, shape (…, bins), along the last axis; no unit, 0 or more.

    Σ (p - q) · ln(p / q) with every share at least FLOOR (Siddiqi, Credit Risk Scorecards, 2006), which is the symmetric
    Kullback-Leibler divergence (Jeffreys 1946).
    """
    p, q = np.maximum(np.asarray(actual), FLOOR), np.maximum(np.asarray(expected), FLOOR)
    found: Shares = ((p - q) * np.log(p / q)).sum(axis=-1)
    return found


def js_distance(actual: ArrayLike, expected: ArrayLike) -> Shares:
    """The Jensen-Shannon distance, shape (…, bins) along the last axis: from 0 for equal shares to 1 for disjoint ones.

    The square root (Endres and Schindelin 2003) of the divergence to base 2 (Lin 1991); an empty bin adds nothing.
    """
    p, q = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log2(p / middle), 0)
        right = np.where(q > 0, q * np.log2(q / middle), 0)
    found: Shares = np.sqrt(np.maximum((left + right).sum(axis=-1) / 2, 0))
    return found


def psi_threshold(psi_null: ArrayLike, rows: ArrayLike, reference_rows: ArrayLike) -> Shares:
    """The PSI above which `rows` rows have drifted: PSI_THRESHOLD, or what chance alone reaches at these two sizes.

    Without drift PSI is about (1/n + 1/m) times a chi-square variable (Yurdakul and Naranjo 2020); `psi_null` is the upper
    quantile of that variable for this feature's bins, from the profile.
    """
    n, m = np.asarray(rows, dtype=np.float64), np.asarray(reference_rows, dtype=np.float64)
    found: Shares = np.maximum(PSI_THRESHOLD, np.asarray(psi_null, dtype=np.float64) * (1 / n + 1 / m))
    return found
