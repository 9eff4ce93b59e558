"""The null of PSI, and calibration: without drift there is no alarm; a confidence is worth what it was."""

from __future__ import annotations

import time

import numpy as np
import pytest

from vitals.profiling.reading.data_files import Column
from vitals.profiling.statistics.calibration import calibrate
from vitals.profiling.statistics.psi_null_distribution import psi, psi_null
from vitals.profiling.statistics.reference import feature_of


@pytest.mark.parametrize("rows", [113, 426, 5000])
@pytest.mark.parametrize("window", [100, 150, 600, 20_000])
def test_false_alarms_of_a_family_of_features_are_at_most_one_in_a_hundred(rows: int, window: int) -> None:
    """Both samples are drawn anew, the profile's shares from one, the window's from the other, as in production."""
    truths = [np.full(5, 0.2), np.array([0.45, 0.19, 0.36]), np.array([0.9, 0.06, 0.03, 0.01]), np.full(10, 0.1)]
    random = np.random.default_rng(window * rows)
    families = 2000
    alarmed = np.zeros(families, dtype=bool)
    for truth in truths:
        reference = random.multinomial(rows, truth, families) / rows
        found = psi(random.multinomial(window, truth, families) / window, reference)
        # The threshold is made from the true shares here: each family's own profile would take a simulation each.
        null = psi_null(truth.tolist(), rows=rows, features=len(truths))
        alarmed |= found > np.maximum(0.2, null * (1 / window + 1 / rows))
    # At most 1 %, and what chance adds to 2000 draws of 1 % (three standard deviations).
    assert alarmed.mean() <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / families)


def test_a_shift_is_seen() -> None:
    """A third of the mass moves from the lower half to the upper half: 150 rows against 113 show it nearly always."""
    before, after = np.full(5, 0.2), np.array([0.1, 0.1, 0.1, 0.3, 0.4])
    random = np.random.default_rng(5)
    found = psi(random.multinomial(150, after, 1000) / 150, random.multinomial(113, before, 1000) / 113)
    limit = max(0.2, psi_null(before.tolist(), rows=113, features=4) * (1 / 150 + 1 / 113))
    assert (found > limit).mean() > 0.8


def test_thirty_features_take_less_than_two_seconds() -> None:
    """Quantile bins of different columns have about the same shares, and so share a simulation."""
    random = np.random.default_rng(1)
    columns = [Column(f"x{index}", "numeric", tuple(random.lognormal(size=426).tolist())) for index in range(30)]
    start = time.thread_time()
    for column in columns:
        feature_of(column, 30)
    assert time.thread_time() - start < 2


def test_a_single_bin_has_no_drift_and_still_a_threshold() -> None:
    assert psi_null([1.0, 0.0], rows=100, features=3) > 0


def test_calibration_is_histogram_binning() -> None:
    random = np.random.default_rng(0)
    confidences = random.uniform(0.5, 1, 2000)
    right = random.random(2000) < confidences - 0.2  # sure of itself by 0.2 too much
    bins = calibrate(confidences, right)
    assert len(bins) == 10
    assert bins[-1].up_to == 1
    assert sum(one.rows for one in bins) == 2000
    assert sum(one.share for one in bins) == pytest.approx(1)
    below = 0.0
    for one in bins:
        inside = (confidences > below) & (confidences <= one.up_to)
        assert inside.sum() == one.rows == pytest.approx(200, abs=1)
        assert one.confidence == pytest.approx(confidences[inside].mean())
        assert one.accuracy == pytest.approx((right[inside].sum() + one.confidence) / (one.rows + 1))
        assert one.accuracy == pytest.approx(one.confidence - 0.2, abs=0.12)
        below = one.up_to


@pytest.mark.parametrize("value", [1.0, 0.5, 0.99])
def test_calibration_of_one_confidence_and_of_few_rows(value: float) -> None:
    confidences = np.full(60, value)
    bins = calibrate(confidences, np.ones(60, dtype=bool))
    assert bins[-1].up_to == 1
    assert sum(one.rows for one in bins) == 60
    [filled] = [one for one in bins if one.rows]
    assert filled.accuracy < 1 or value == 1
    assert len(calibrate(np.linspace(0.5, 1, 15), np.zeros(15, dtype=bool))) == 1


def test_no_accuracy_is_nought_from_few_rows() -> None:
    [only] = calibrate(np.full(10, 0.8), np.zeros(10, dtype=bool))
    assert 0 < only.accuracy < 0.1
