"""Bins of numbers: one value has one bin however it is spelled, and a value that the reference lacks is told from its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.linear_model import Ridge

from vitals.bundle.bins import bin_of, bin_of_number
from vitals.bundle.divergences import psi
from vitals.bundle.schema import ABOVE, BELOW, BETWEEN, OTHER, Feature, Profile
from vitals.profiling.reading.data_files import column_of
from vitals.profiling.statistics.bin_edges import cut
from vitals.profiling.statistics.reference import constant_in_reference, feature_of, value_bins

from .reference import NUMBERS

drawn_few_times = settings(max_examples=40, deadline=None)
"""A profile's simulation of PSI takes 50 ms."""


def featured(values: Sequence[Any] | np.ndarray[Any, Any]) -> Feature:
    return feature_of(column_of(pd.DataFrame({"x": values}), "x"), 1)


def named(feature: Feature, values: Sequence[Any]) -> list[str]:
    which = bin_of(feature)
    return [feature.bins[which(value)].name for value in values]


def psi_of(feature: Feature, values: Sequence[Any]) -> float:
    which = bin_of(feature)
    found = Counter(feature.bins[which(value)].drift for value in values)
    reference: Counter[str] = Counter()
    for one in feature.bins:
        reference[one.drift] += one.share  # type: ignore[assignment]  # shares, not counts
    return float(psi([found[name] / len(values) for name in reference], list(reference.values())))


def widened(values: np.ndarray[Any, Any], dtype: Any) -> list[float]:
    """As a client has them that computes in fewer bits and sends JSON."""
    return [float(value) for value in values.astype(dtype)]


@some.composite
def decimals(draw: some.DrawFn, most: int) -> np.ndarray[Any, Any]:
    """Numbers as people write them, of whole numbers up to `most` with a decimal point somewhere; some of them often."""
    scale = 10.0 ** draw(some.integers(0, 6))
    different = draw(some.lists(some.integers(-most, most), min_size=1, max_size=60, unique=True))
    times = draw(some.lists(some.integers(1, 9), min_size=len(different), max_size=len(different)))
    return np.repeat(np.array(different, dtype=np.float64) / scale, times)


@pytest.mark.slow
@drawn_few_times
@given(decimals(999_999))
def test_64_and_32_bits_of_a_value_fall_into_one_bin(values: np.ndarray[Any, Any]) -> None:
    """A reference in Parquet's float32 asked with decimals, and decimals in CSV asked with widened 32-bit numbers."""
    single = values.astype(np.float32)
    for feature, spelled in ((featured(single), values.tolist()), (featured(values), widened(values, np.float32))):
        assert psi_of(feature, spelled) == 0
        assert {BELOW, ABOVE, BETWEEN}.isdisjoint(named(feature, spelled))


@drawn_few_times
@given(decimals(99))
def test_a_reference_of_16_bits_knows_its_values_as_decimals(values: np.ndarray[Any, Any]) -> None:
    feature = featured(values.astype(np.float16))
    for spelled in (values.tolist(), widened(values, np.float32), widened(values, np.float16)):
        assert psi_of(feature, spelled) == 0
        assert {BELOW, ABOVE, BETWEEN}.isdisjoint(named(feature, spelled))


@pytest.mark.slow
@drawn_few_times
@given(some.lists(some.integers(-9999, 9999), min_size=1, max_size=10, unique=True), some.integers(0, 4), some.data())
def test_any_value_that_few_different_ones_lack_is_drift(different: list[int], digits: int, data: some.DataObject) -> None:
    known = sorted(value / 10**digits for value in different)
    feature = featured(np.repeat(known, 12))
    assert feature.discrete
    assert named(feature, known) == [f"{number:02}" for number in range(1, len(known) + 1)]
    other = data.draw(some.integers(-20_000, 20_000).filter(lambda value: value not in different)) / 10**digits
    [name] = named(feature, [other])
    assert name == (BELOW if other < known[0] else ABOVE if other > known[-1] else BETWEEN)
    assert psi_of(feature, [other] * 150) > 5


@drawn_few_times
@given(
    some.lists(some.floats(-1e30, 1e30), min_size=1, max_size=80),
    some.lists(some.floats(allow_nan=False), max_size=5),
    some.sampled_from([2, 50, 1000]),
)
def test_limits_rise_and_hold_every_value_of_the_reference(values: list[float], probes: list[float], rows: int) -> None:
    for half in (False, True):
        found = cut(np.array(values), rows, half=half)
        assert all(low < high for low, high in zip(found.edges, found.edges[1:], strict=False))
        assert found.edges[0] < min(values)
        assert max(values) < found.edges[-1]
    feature = featured(values)
    assert {BELOW, ABOVE, BETWEEN}.isdisjoint(named(feature, values))
    assert psi_of(feature, values) == pytest.approx(0, abs=1e-12)
    named(feature, probes)


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ([1] * 300, [2] * 300),
        ([1.0] * 300, [1.001] * 300),
        ([0] * 300, [-1] * 300),
        ([0, 1] * 150, [-1, 1] * 150),
        ([0, 1] * 150, [0.4, 1] * 150),
        ([1, 2, 3] * 20, [0, 1, 2] * 20),
        (list(range(7)) * 15, [value + 1 for value in range(7)] * 15),
        ([*range(1, 13)] * 50, [*range(12)] * 50),
        ([20_000_001, 20_000_002] * 100, [20_000_002, 20_000_003] * 100),
        ([16_777_217] * 100, [16_777_218] * 100),
        ([0.0] * 300 + np.linspace(0.5, 9, 100).tolist(), [-999.0] * 300 + np.linspace(0.5, 9, 100).tolist()),
        (np.linspace(0.5, 9, 100).tolist() + [10.0] * 300, np.linspace(0.5, 9, 100).tolist() + [11.0] * 300),
    ],
    ids=lambda values: f"{values[0]}, {values[1]}, … {values[-1]}",
)
def test_a_value_that_stands_for_another_is_drift(reference: list[float], asked: list[float]) -> None:
    feature = featured(reference)
    assert psi_of(feature, asked) > 0.5
    assert psi_of(feature, reference) == 0


@pytest.mark.parametrize("shift", [-100.0, 100.0])
def test_a_shift_out_of_the_range_is_drift(shift: float) -> None:
    values = np.random.default_rng(4).normal(size=500)
    feature = featured(values)
    assert not feature.discrete
    assert psi_of(feature, (values + shift).tolist()) > 5


@pytest.mark.parametrize(
    ("values", "noise"),
    [
        ([0.1 + 0.2, 0.3] * 150, [0.3, 0.1 + 0.2] * 150),  # the same sum in two orders
        ([0.3 - 0.1 * 3, 0.5] * 150, [0.0, 0.5] * 150),
        ([1.7e9, 1.7e9 + 1] * 150, [1.7e9, 1.7e9 + 1] * 150),  # one in 32 bits, and known apart
    ],
)
def test_the_last_bits_of_a_sum_are_no_drift(values: list[float], noise: list[float]) -> None:
    assert psi_of(featured(values), noise) == 0


def test_many_values_and_some_often_are_known_in_32_bits() -> None:
    """Of so many values some are one in 32 bits; those that come often are told apart all the same."""
    random = np.random.default_rng(8)
    values = np.concatenate([random.uniform(size=40_000), np.repeat([0.1, 0.3, 0.7], 20_000)])
    assert len(np.unique(values.astype(np.float32))) < len(np.unique(values))
    assert psi_of(featured(values), widened(values, np.float32)) < 1e-6


def test_times_that_32_bits_hold_in_steps_of_two_minutes_keep_their_bins() -> None:
    times = 1.7e9 + np.random.default_rng(2).integers(0, 600, 500)
    feature = featured(times)
    assert len([one for one in feature.bins if one.name.isdecimal() and one.share > 0]) == 10
    assert psi_of(feature, (times + 300).tolist()) > 0.5


def test_few_values_of_few_rows_are_not_taken_for_all_there_are() -> None:
    """Eight values, each once, beside gaps: the next one will be another."""
    assert not featured([*np.random.default_rng(1).normal(size=8), *[None] * 92]).discrete
    assert featured([0.0] * 49 + [1.0]).discrete


def test_a_constant_is_known_as_one() -> None:
    for values in ([0.1] * 99, ["a"] * 99, [True] * 99, [3, None] * 50):
        assert constant_in_reference(featured(values))
    for values in ([0.1, 0.2] * 99, ["a", "b"] * 99, [True, False] * 99, np.linspace(0, 1, 99)):
        assert not constant_in_reference(featured(values))


def test_what_a_model_answers_alone_and_in_a_batch_falls_into_one_bin() -> None:
    """Sums in another order differ in the last bits, and a model in 32 bits by more."""
    random = np.random.default_rng(6)
    rows = random.integers(0, 2, (400, 6)).astype(np.float64)
    model = Ridge().fit(rows, rows @ random.normal(size=6) + random.normal(size=400))
    batch = model.predict(rows)
    bins = value_bins(batch, 400)
    which = bin_of_number(bins)
    places = [which(value) for value in batch.tolist()]
    alone = [float(model.predict(row[None])[0]) for row in rows]
    assert [which(value) for value in alone] == places
    assert [which(value) for value in widened(batch, np.float32)] == places
    compared = [one.drift for one in bins.bins]
    for off in (1 - 1e-6, 1 + 1e-6):
        assert [compared[which(value * off)] for value in batch.tolist()] == [compared[place] for place in places]


def test_one_predicted_value_and_the_next_are_in_bins() -> None:
    bins = value_bins(np.full(100, 3.5), 100)
    which = bin_of_number(bins)
    assert [bins.bins[which(value)].name for value in (3.4, 3.5, 3.5000001, 3.6)] == [BELOW, "01", "01", ABOVE]
    assert OTHER not in {one.drift for one in bins.bins}


def test_a_profile_of_before_is_read_as_it_was() -> None:
    """Its limits are values of the reference, and it says nothing of discrete features and of drift that is not watched."""
    written = NUMBERS.model_dump()
    for one in (written["predictions"], *written["features"]):
        del one["discrete"]
    for one in written["features"]:
        del one["drift"]
    profile = Profile.model_validate(written)
    [feature] = profile.features
    assert feature.drift
    assert named(feature, [-0.1, 0.0, 0.9, 1.0, 3.0, 3.1]) == [BELOW, "01", "01", "02", "02", ABOVE]
