"""The note on features that go with the clock or the calendar: those that do, and names or values that only look like it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from vitals.errors import DataError
from vitals.profiling.reading.clock_features import clock_notes, cycle_of, moves_on
from vitals.profiling.reading.data_files import Column, column_of
from vitals.profiling.statistics.drift_watched import names_watched

_RANDOM = np.random.default_rng(5)


def drawn(values: Any, name: str = "x") -> Column:
    """A column of 600 rows in no order."""
    return column_of(pd.DataFrame({name: _RANDOM.choice(np.array(values, dtype=object), 600).tolist()}), name)


@pytest.mark.parametrize(
    ("name", "values", "cycle"),
    [
        ("hour", range(24), "a day"),
        ("pickup_hour", range(24), "a day"),
        ("pickupHour", range(8, 18), "a day"),
        ("PICKUP-HOUR", range(1, 25), "a day"),
        ("hr", range(24), "a day"),
        ("hour of day", np.linspace(0, 23.5, 48), "a day"),
        ("timeOfDay", range(0, 86400, 600), "a day"),
        ("minute", range(60), "an hour"),
        ("hour_sin", np.sin(np.arange(24) / 24 * 2 * np.pi), "a day"),
        ("cos_month", np.cos(np.arange(12) / 12 * 2 * np.pi), "a year"),
        ("weekday", range(7), "a week"),
        ("day_of_week", range(1, 8), "a week"),
        ("dow", range(7), "a week"),
        ("DayOfWeek", range(5), "a week"),
        ("is_weekend", [True, False], "a week"),
        ("weekend", [0, 1], "a week"),
        ("day", range(1, 32), "a month"),
        ("day_of_year", range(1, 366), "a year"),
        ("week", range(1, 53), "a year"),
        ("month", range(1, 13), "a year"),
        ("mnth", range(1, 13), "a year"),
        ("quarter", range(1, 5), "a year"),
        ("season", ["dry", "wet"], "a year"),
        ("x", ["Mon", "Tue", "Wed", "Thu", "Fri"], "a week"),
        ("x", ["january", "may", "june"], "a year"),
        ("x", ["winter", "summer"], "a year"),
        ("x", ["morning", "night"], "a day"),
    ],
)
def test_what_goes_round(name: str, values: Any, cycle: str) -> None:
    assert cycle_of(drawn(values, name)) == cycle
    [note] = clock_notes([drawn(values, name)], {name})
    assert f"{name} ({cycle})" in note


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hours-per-week", range(1, 100)),
        ("price_per_hour", range(24)),
        ("age_month", range(12)),
        ("hour", range(100)),
        ("hour", [3]),
        ("month", np.linspace(-5, 5, 50)),
        ("same_day", [0, 1]),
        ("second_home", [True, False]),
        ("hourly", range(24)),
        ("amonth", range(12)),
        ("petal width", np.linspace(0, 2.5, 26)),
        ("year_built", range(1950, 2020)),
        ("colour", ["red", "may"]),
        ("season", ["dry"]),
    ],
)
def test_what_does_not(name: str, values: Any) -> None:
    column = drawn(values, name)
    assert cycle_of(column) is None
    assert not moves_on(column)
    assert clock_notes([column], {name}) == []


@pytest.mark.parametrize(
    "values",
    [
        np.arange(200),
        np.arange(200)[::-1],
        1.7e9 + np.cumsum(_RANDOM.exponential(size=200)),
        np.arange(200) + _RANDOM.normal(0, 5, 200),
        [None if index % 5 == 0 else float(index) for index in range(200)],
    ],
    ids=["counter", "falling", "times", "nearly rising", "with gaps"],
)
def test_what_rises_with_the_rows(values: Any) -> None:
    [note] = clock_notes([column_of(pd.DataFrame({"x": values}), "x")], {"x"})
    assert "--no-drift x." in note


@pytest.mark.parametrize(
    ("name", "values", "moves"),
    [
        ("timestamp", range(1_700_000_000, 1_700_900_000, 7000), True),
        ("orderDate", range(20240101, 20240131), True),
        ("year", range(2010, 2025), True),
        ("year", range(1, 10), False),
        ("years_since", range(2010, 2025), False),
    ],
)
def test_what_moves_on_by_name(name: str, values: Any, moves: bool) -> None:
    assert moves_on(drawn(values, name)) is moves


def test_a_group_in_order_is_no_counter() -> None:
    assert not moves_on(column_of(pd.DataFrame({"x": np.repeat([1.0, 2.0, 3.0], 50)}), "x"))


def test_the_notes_name_every_one_that_is_watched_and_the_options() -> None:
    columns = [drawn(range(24), "hour"), drawn(range(7), "day of week"), drawn(range(12), "month")]
    columns.append(column_of(pd.DataFrame({"serial": range(600)}), "serial"))
    cycles, moving = clock_notes(columns, {"hour", "day of week", "serial"})
    assert "hour (a day), day of week (a week)." in cycles
    assert cycles.endswith("--no-drift hour --no-drift 'day of week'.")
    assert "month" not in cycles
    assert moving.endswith("--no-drift serial.")
    assert clock_notes(columns, set()) == []


def test_only_a_feature_can_be_left_out_of_drift() -> None:
    assert names_watched(("hour", "x"), ("hour",)) == {"x"}
    assert names_watched(("hour", "x"), ()) == {"hour", "x"}
    with pytest.raises(DataError, match="no feature 'hours' to leave out of drift with --no-drift: the model takes hour, x"):
        names_watched(("hour", "x"), ("hours",))
