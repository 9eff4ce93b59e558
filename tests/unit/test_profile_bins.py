"""Bins: each value falls into exactly one, and counting the reference gives the shares that its profile says."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vitals.bundle.bins import bin_of, bin_of_number
from vitals.bundle.classes import class_name
from vitals.bundle.schema import ABOVE, BELOW, BETWEEN, MISSING, OTHER, UNSEEN, Feature
from vitals.profiling.reading.data_files import column_of
from vitals.profiling.statistics.bin_edges import cut
from vitals.profiling.statistics.reference import class_bins, feature_of, value_bins

_RANDOM = np.random.default_rng(3)

NUMBERS = {
    "normal": _RANDOM.normal(size=400),
    "tenths": np.round(_RANDOM.normal(5, 1, 120), 1),
    "two values": np.repeat([0.0, 1.0], [380, 20]),
    "mostly zero": np.concatenate([np.zeros(350), _RANDOM.exponential(size=50)]),
    "mostly the highest": np.concatenate([np.full(350, 9.0), _RANDOM.uniform(0, 8, 50)]),
    "constant": np.full(100, 3.25),
    "negative whole": _RANDOM.integers(-5, 5, 300).astype(float),
    "large": _RANDOM.normal(size=100) * 1e28,
    "with gaps": np.where(_RANDOM.random(200) < 0.2, np.nan, _RANDOM.normal(size=200)),
}

FIRST_IS_ONE_VALUE = {"two values", "constant", "negative whole", "mostly zero"}
LAST_IS_ONE_VALUE = {"two values", "constant", "negative whole", "mostly the highest"}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_reproduce_their_shares(name: str) -> None:
    table = pd.DataFrame({"x": NUMBERS[name]})
    column = column_of(table, "x")
    feature = feature_of(column, 4)
    which = bin_of(feature)
    counts = Counter(which(value) for value in column.values)
    assert [counts[index] / len(column.values) for index in range(len(feature.bins))] == [one.share for one in feature.bins]
    by_name = {one.name: one for one in feature.bins}
    assert by_name[BELOW].share == by_name[ABOVE].share == 0
    inner = [one for one in feature.bins if one.name.isdigit()]
    assert all(one.share > 0 for one in inner)
    assert by_name[BELOW].drift == (OTHER if name in FIRST_IS_ONE_VALUE else inner[0].name)
    assert by_name[ABOVE].drift == (OTHER if name in LAST_IS_ONE_VALUE else inner[-1].name)
    assert by_name[MISSING].share == pytest.approx(feature.missing_share)
    assert feature.variance == pytest.approx(np.nanvar(NUMBERS[name], ddof=1))


@pytest.mark.parametrize("name", NUMBERS)
def test_any_number_falls_into_the_one_bin_that_holds_it(name: str) -> None:
    feature = feature_of(column_of(pd.DataFrame({"x": NUMBERS[name]}), "x"), 1)
    which, edges = bin_of(feature), feature.edges
    probes = [*edges, *(math.nextafter(edge, side) for edge in edges for side in (-math.inf, math.inf)), -1e308, 1e308, 0.0, -0.0]
    for value in probes:
        assert feature.bins[which(value)].name == bin_by_edges(feature, value)
    assert which(None) == which(math.nan) == len(feature.bins) - 1


def bin_by_edges(feature: Feature, value: float) -> str:
    """By the profile's words alone: closed on the left, the last one on both sides; of pairs, where it is discrete."""
    edges = feature.edges
    if value < edges[0]:
        return BELOW
    if value > edges[-1]:
        return ABOVE
    pairs = list(zip(edges[::2], edges[1::2], strict=True) if feature.discrete else pairwise(edges))
    for number, (low, high) in enumerate(pairs, start=1):
        if low <= value < high or value == high == edges[-1]:
            return f"{number:02}"
    return BETWEEN


def test_two_values_and_zeros_with_a_rest_are_told_apart() -> None:
    for name in ("two values", "mostly zero", "mostly the highest"):
        feature = feature_of(column_of(pd.DataFrame({"x": NUMBERS[name]}), "x"), 1)
        assert sum(one.share > 0 for one in feature.bins) >= 2, name


def test_bins_are_as_many_as_the_rows_bear() -> None:
    values = _RANDOM.normal(size=1000)
    for rows, bins in ((50, 2), (112, 5), (200, 10), (100_000, 10)):
        assert len(cut(values, rows).edges) - 1 == bins


def test_booleans_and_categories() -> None:
    colours = ["red"] * 60 + ["blue"] * 30 + ["green"] * 10
    table = pd.DataFrame({"colour": colours, "old": [True, False, None, True] * 25, "code": [7] * 50 + [8] * 49 + [None]})
    colour = feature_of(column_of(table, "colour"), 1)
    assert colour.categories == ("red", "blue", "green")
    assert {one.name: one.share for one in colour.bins} == {"red": 0.6, "blue": 0.3, "green": 0.1, UNSEEN: 0.0, MISSING: 0.0}
    named = [one.name for one in colour.bins]
    assert [named[bin_of(colour)(value)] for value in ("blue", "mauve", None, "")] == ["blue", UNSEEN, MISSING, UNSEEN]

    old = feature_of(column_of(table, "old"), 1)
    assert {one.name: one.share for one in old.bins} == {"false": 0.25, "true": 0.5, MISSING: 0.25}
    assert old.mean == pytest.approx(2 / 3)

    code = feature_of(column_of(table, "code", categorical=True), 1)
    assert code.categories == (7, 8)
    assert [code.bins[bin_of(code)(value)].name for value in (7, 8.0, 9, None)] == ["7", "8", UNSEEN, MISSING]


def test_rare_categories_share_a_bin_and_are_not_unseen() -> None:
    table = pd.DataFrame({"x": [f"c{number:02}" for number in range(40) for _ in range(40 - number)]})
    feature = feature_of(column_of(table, "x"), 1)
    names = [one.name for one in feature.bins]
    assert names == [f"c{number:02}" for number in range(20)] + [OTHER, UNSEEN, MISSING]
    which = bin_of(feature)
    assert [names[which(value)] for value in ("c00", "c30", "c99")] == ["c00", OTHER, UNSEEN]
    assert sum(one.share for one in feature.bins) == pytest.approx(1)


def test_predicted_classes_and_values() -> None:
    classes = [f"k{number}" for number in range(25)]
    predicted = [name for number, name in enumerate(classes) for _ in range(number + 1)]
    bins = class_bins(predicted, classes, len(predicted))
    assert [one.name for one in bins.bins] == [*classes[5:], OTHER]
    assert bins.bins[-1].share == pytest.approx(15 / 325)
    few = class_bins(["a", "a", "b"], ["a", "b", "c"], 3)
    assert [(one.name, one.share) for one in few.bins] == [("a", 2 / 3), ("b", 1 / 3), ("c", 0)]

    values = _RANDOM.normal(size=300)
    numbers = value_bins(values, 300)
    assert [one.name for one in numbers.bins] == [BELOW, *(f"{index:02}" for index in range(1, 11)), ABOVE]
    counts = Counter(bin_of_number(numbers)(value) for value in values)
    assert [counts[index] / 300 for index in range(12)] == [one.share for one in numbers.bins]


@pytest.mark.parametrize(
    ("value", "name"),
    [(True, "true"), (np.bool_(False), "false"), (1, "1"), (1.0, "1"), (np.int64(3), "3"), (0.5, "0.5"), (np.str_("a b"), "a b")],
)
def test_a_class_has_one_spelling(value: Any, name: str) -> None:
    assert class_name(value) == name
