"""Reference data: what is wrong with a column is said in a sentence that names it."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vitals.errors import DataError
from vitals.making.data import column_of, read_table

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
        (["1", "2", "3"] * 20, "'x' has numbers and text"),
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
        ([1, 2] * 30, False, "numeric", {1.0, 2.0}),
        ([1, 2] * 30, True, "categorical", {1, 2}),
        ([1.0, None] * 30, True, "categorical", {1, None}),
        ([True, False] * 30, False, "boolean", {True, False}),
        ([True, None] * 30, False, "boolean", {True, None}),
        (["a", None] * 30, False, "categorical", {"a", None}),
        (["1", "2", "3+"] * 20, True, "categorical", {"1", "2", "3+"}),
        (pd.Categorical(["a", "b"] * 30), False, "categorical", {"a", "b"}),
        (pd.array([1, None] * 30, dtype="Int64"), False, "numeric", {1.0, None}),
        (pd.array(["a", None] * 30, dtype="string"), False, "categorical", {"a", None}),
        (pd.array([True, None] * 30, dtype="boolean"), False, "boolean", {True, None}),
    ],
)
def test_kinds(column: Any, categorical: bool, kind: str, values: set[Any]) -> None:
    made = column_of(pd.DataFrame({"x": column}), "x", categorical=categorical)
    assert made.kind == kind
    assert set(made.values) == values
    assert {type(value) for value in made.values} == {type(value) for value in values}


def test_files_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="There is no file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="more than one column 'x'"):
        read_table(_csv(tmp_path, "x,y,x\n" + "1,2,3\n" * ROWS))
    with pytest.raises(DataError, match="has 49 rows: a profile needs 50"):
        read_table(_csv(tmp_path, "x,y\n" + "1,2\n" * 49))
    with pytest.raises(DataError, match="can't be read as CSV"):
        read_table(_csv(tmp_path, ""))
    with pytest.raises(DataError, match="can't be read as CSV"):
        read_table(_csv(tmp_path, "x,y\n1,2\n1,2,3,4\n"))
    (tmp_path / "data.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"a \.csv or a \.parquet"):
        read_table(tmp_path / "data.xlsx")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="can't be read as Parquet"):
        read_table(tmp_path / "bad.parquet")

    real = builtins.__import__

    def without_pyarrow(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(DataError, match=r"pip install 'vitals\[parquet\]'"):
        read_table(tmp_path / "bad.parquet")


def test_csv_and_parquet_give_the_same(tmp_path: Path) -> None:
    table = pd.DataFrame({"n": [1.5, None] * 30, "c": ["a", None] * 30, "b": [True, False] * 30, "i": range(ROWS)})
    table.to_csv(tmp_path / "data.csv", index=False)
    table.to_parquet(tmp_path / "data.parquet")
    from_csv, from_parquet = read_table(tmp_path / "data.csv"), read_table(tmp_path / "data.parquet")
    for name in table.columns:
        assert column_of(from_csv, name) == column_of(from_parquet, name)


def test_only_an_empty_cell_is_missing_and_nan_among_numbers(tmp_path: Path) -> None:
    rows = "\ufeffland,size,score,flag\nNA,1.5,nan,True\nNone,NaN,2,\n,,3,False\nnull,4,4.5,true\n" + "NA,1,1,True\n" * ROWS
    table = read_table(_csv(tmp_path, rows))
    columns = {name: column_of(table, name).values[:4] for name in table.columns}
    assert columns == {
        "land": ("NA", "None", None, "null"),
        "size": (1.5, None, None, 4.0),
        "score": (None, 2.0, 3.0, 4.5),
        "flag": (True, None, False, True),
    }
