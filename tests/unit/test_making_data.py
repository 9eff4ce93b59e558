"""Reference data: what is wrong with a column is said in a sentence that names it."""

from __future__ import annotations

import builtins
import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vitals.errors import DataError
from vitals.estimators.known_column import KnownColumn
from vitals.profiling.reading.data_files import column_of, read_table

ROWS = 60


def _csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([None] * ROWS, "'x' has no value in any row"),
        ([1.0, np.inf] * 30, "'x' has infinite values in 30 rows"),
        ([1.0, -1e200] * 30, r"'x' has values beyond 1e\+30"),
        (["1", "2", "3", "four"] * 15, r"'x' has numbers and text \('four'\).*--categorical x"),
        (["1", "2", "3"] * 20, r"'x' has numbers that are written as text \('1'\).*--categorical x"),
        (["1", "NA", "NA"] * 20, r"'x' has numbers and text \('NA'\).*missing is an empty cell"),
        (["2026-01-05", "2026-02-07"] * 30, "'x' holds dates"),
        (["5.1.2026", "7.2.2026"] * 30, "'x' holds dates"),
        (pd.date_range("2026-01-01", periods=ROWS), "'x' holds dates"),
        (pd.timedelta_range("1h", periods=ROWS), "'x' holds dates"),
        ([f"customer {number}" for number in range(ROWS)], "'x' has 60 different values in 60 rows, like an identifier"),
        ([1, "one"] * 30, "'x' has values of the types int, str"),
        ([["a"], ["b"]] * 30, "'x' has values of the types list"),
        (["(missing)", "there"] * 30, r"'x' has the category '\(missing\)'"),
        (["", "there"] * 30, "'x' has the category ''"),
        (["a" * 201, "there"] * 30, "it has 201 characters, and a name has 200 at most"),
    ],
)
def test_a_wrong_column_is_named(column: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        column_of(pd.DataFrame({"x": column}), "x")


def test_a_column_that_is_absent_is_named_with_those_that_are_there() -> None:
    with pytest.raises(DataError, match="no column 'y' in the data; it has x"):
        column_of(pd.DataFrame({"x": range(ROWS)}), "y")


def test_fractions_and_too_many_categories_are_refused() -> None:
    with pytest.raises(DataError, match="'x' has fractions"):
        column_of(pd.DataFrame({"x": [1.5, 2] * 30}), "x", categorical=True)
    many = pd.DataFrame({"x": [f"c{number}" for number in range(1001)] * 3})
    with pytest.raises(DataError, match="'x' has 1001 categories"):
        column_of(many, "x")


@pytest.mark.parametrize(
    ("column", "categorical", "kind", "values"),
    [
        ([1, 2] * 30, False, "numeric", {1, 2}),
        ([1.5, 2.0] * 30, False, "numeric", {1.5, 2.0}),
        ([2**53 + 1, 2**53] * 30, False, "numeric", {2**53 + 1, 2**53}),
        ([2**53 + 1, 2**53] * 30, True, "categorical", {2**53 + 1, 2**53}),
        ([2**64 + 1, 2**64] * 30, True, "categorical", {2**64 + 1, 2**64}),
        ([1, 2] * 30, True, "categorical", {1, 2}),
        ([1.0, None] * 30, True, "categorical", {1, None}),
        ([True, False] * 30, False, "boolean", {True, False}),
        ([True, None] * 30, False, "boolean", {True, None}),
        (["a", None] * 30, False, "categorical", {"a", None}),
        (["1", "2", "3+"] * 20, True, "categorical", {"1", "2", "3+"}),
        (pd.Categorical(["a", "b"] * 30), False, "categorical", {"a", "b"}),
        (pd.array([1, None] * 30, dtype="Int64"), False, "numeric", {1, None}),
        (pd.array([2**53 + 1, None] * 30, dtype="Int64"), True, "categorical", {2**53 + 1, None}),
        (pd.Categorical([1, 2] * 30), False, "categorical", {1, 2}),
        (pd.Categorical([True, False] * 30), False, "boolean", {True, False}),
        ([Decimal("1.5"), None] * 30, False, "numeric", {1.5, None}),
        (np.array([0.1, 0.2] * 30, dtype=np.float32), False, "numeric", {float(np.float32(0.1)), float(np.float32(0.2))}),
        (pd.array(["a", None] * 30, dtype="string"), False, "categorical", {"a", None}),
        (pd.array([True, None] * 30, dtype="boolean"), False, "boolean", {True, None}),
    ],
)
def test_kinds(column: Any, categorical: bool, kind: str, values: set[Any]) -> None:
    made = column_of(pd.DataFrame({"x": column}), "x", categorical=categorical)
    assert made.kind == kind
    assert set(made.values) == values
    assert {type(value) for value in made.values} == {type(value) for value in values}


def test_a_column_says_its_type_and_how_its_gaps_are_written() -> None:
    table = pd.DataFrame(
        {
            "nan": pd.Series(["a", np.nan] * 30, dtype=object),
            "none": pd.Series(["a", None] * 30, dtype=object),
            "size": np.array([1, 2] * 30, dtype=np.uint8),
            "grade": pd.Categorical(["low", "high"] * 30, categories=["low", "mid", "high"], ordered=True),
        }
    )
    found = {name: column_of(table, name) for name in table.columns}
    assert {name: (one.dtype, one.gap) for name, one in found.items()} == {
        "nan": ("object", "nan"),
        "none": ("object", "none"),
        "size": ("uint8", "nan"),
        "grade": ("category", "nan"),
    }
    assert (found["grade"].dtype_categories, found["grade"].ordered) == (("low", "mid", "high"), True)
    assert column_of(table, "none", known=KnownColumn(gap="nan")).gap == "nan"


CODES = KnownColumn((1, 2, 3), "int64", takes_categories=True)


@pytest.mark.parametrize(
    ("column", "known", "kind"),
    [
        ([1, 2] * 30, CODES, "categorical"),
        ([1.0, None] * 30, KnownColumn((1.0, 2.0), "float64", "nan", takes_categories=True), "categorical"),
        ([1, 2] * 30, None, "numeric"),
        ([1, 2] * 30, dataclasses.replace(CODES, also_number=True), "numeric"),
        ([1.5, 2] * 30, CODES, "numeric"),
        ([1, 2] * 30, KnownColumn((1.5, 2.5), "float64", takes_categories=True), "numeric"),
        ([1, 2] * 30, KnownColumn(takes_categories=True), "categorical"),
        ([1, 2] * 30, KnownColumn(gap="nan"), "numeric"),
        (list(range(60)), CODES, "numeric"),
        ([*range(1001)] * 3, CODES, "numeric"),
        ([*range(1000)] * 3, CODES, "categorical"),
        (["1", "2"] * 30, KnownColumn(("1", "2"), "object", takes_categories=True), "categorical"),
        (["2026-01-05", "2026-02-07"] * 30, KnownColumn(("2026-01-05",), "object", takes_categories=True), "categorical"),
        ([True, False] * 30, KnownColumn((0, 1), "int64", takes_categories=True), "boolean"),
    ],
)
def test_what_the_model_encodes_is_categorical_where_it_can_be(column: Any, known: KnownColumn | None, kind: str) -> None:
    made = column_of(pd.DataFrame({"x": column}), "x", known=known)
    assert made.kind == kind
    if kind == "categorical":
        assert {type(value) for value in made.present} <= {int, str}


def test_free_text_is_not_served() -> None:
    with pytest.raises(DataError, match="'x' is free text"):
        column_of(pd.DataFrame({"x": ["a b", "c"] * 30}), "x", known=KnownColumn(dtype="object", free_text=True))


def test_files_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="There is no file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="more than one column 'x'"):
        read_table(_csv(tmp_path, "x,y,x\n" + "1,2,3\n" * ROWS))
    with pytest.raises(DataError, match="has 49 rows: a profile needs 50"):
        read_table(_csv(tmp_path, "x,y\n" + "1,2\n" * 49)).frame()
    with pytest.raises(DataError, match="can't be read as CSV"):
        read_table(_csv(tmp_path, "x,y\n1,2\n1,2,3,4\n")).frame()
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="can't be read as Parquet"):
        read_table(tmp_path / "bad.parquet")

    real = builtins.__import__

    def without_pyarrow(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(DataError, match=r"pip install 'vitals-otel\[parquet\]'"):
        read_table(tmp_path / "bad.parquet")


def test_csv_and_parquet_give_the_same_but_for_the_gaps_of_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"n": [1.5, None] * 30, "c": ["a", None] * 30, "b": [True, False] * 30, "i": range(ROWS)})
    table.to_csv(tmp_path / "data.csv", index=False)
    table.to_parquet(tmp_path / "data.parquet")
    from_csv, from_parquet = read_table(tmp_path / "data.csv").frame(), read_table(tmp_path / "data.parquet").frame()
    for name in table.columns:
        one = column_of(from_parquet, name)
        assert one.gap == ("none" if name == "c" else "nan")
        assert column_of(from_csv, name) == dataclasses.replace(one, gap="nan")
