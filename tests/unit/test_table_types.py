"""Types of columns: as plain pandas reads them, and as the model knows them where a file can't say."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vitals.bundle.tables import GAP_MARKS
from vitals.errors import DataError
from vitals.estimators.known_column import KnownColumn
from vitals.profiling.reading.data_files import column_of, read_table

ROWS = 60


def _csv(folder: Path, cells: Sequence[str], name: str = "x") -> Path:
    """A file with one column beside a counter, each cell as it is given."""
    path = folder / "data.csv"
    path.write_text(f"row,{name}\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells)))
    return path


def _text(*categories: str, **more: Any) -> KnownColumn:
    return KnownColumn(categories, "object", takes_categories=True, **more)


LOSING = [["02139", "10001"], ["+5", "6"], ["1e3", "2"], [" 5", "6"], ["1.10", "1.2"], ["007", ""]]


@pytest.mark.parametrize("cells", LOSING)
def test_categories_that_numbers_would_lose_are_text(tmp_path: Path, cells: list[str]) -> None:
    path = _csv(tmp_path, cells * 30)
    texts = [cell or None for cell in cells]
    for frame in (read_table(path).frame(categorical=["x"]), read_table(path).frame({"x": _text(*filter(None, cells))})):
        made = column_of(frame, "x", categorical=True)
        assert list(made.values[:2]) == texts
        assert (made.kind, made.dtype) == ("categorical", "object")
    assert pd.api.types.is_numeric_dtype(read_table(path).frame()["x"])  # plain pandas, where nobody says that they are names


@pytest.mark.parametrize("cells", [["0x1F", "3"], ["1_000", "3"], ["3+", "2"]])
def test_text_that_pandas_keeps_stays_text(tmp_path: Path, cells: list[str]) -> None:
    made = column_of(read_table(_csv(tmp_path, cells * 30)).frame(categorical=["x"]), "x", categorical=True)
    assert list(made.values[:2]) == cells


@pytest.mark.parametrize(
    ("cells", "values", "dtype"),
    [
        (["1", "2"], (1, 2), "int64"),
        (["1", ""], (1, None), "float64"),
        (["1.0", "2.0"], (1, 2), "float64"),
        (["-3", "0"], (-3, 0), "int64"),
        (["9007199254740993", "9007199254740992"], (9007199254740993, 9007199254740992), "int64"),
    ],
)
def test_whole_numbers_stay_whole_numbers(tmp_path: Path, cells: list[str], values: tuple[Any, ...], dtype: str) -> None:
    made = column_of(read_table(_csv(tmp_path, cells * 30)).frame(categorical=["x"]), "x", categorical=True)
    assert (made.values[:2], made.dtype) == (values, dtype)
    assert all(type(value) is int for value in made.present)


def test_whole_numbers_that_floats_merge_are_refused_as_categories_only(tmp_path: Path) -> None:
    merging = read_table(_csv(tmp_path, ["9007199254740993", "9007199254740992", ""] * 20))
    assert column_of(merging.frame(), "x").kind == "numeric"  # as the user's own reader has it
    with pytest.raises(DataError, match=r"'x' has whole numbers beyond 2\^53 and gaps.*neighbouring numbers are one"):
        merging.frame(categorical=["x"])
    with pytest.raises(DataError, match="neighbouring numbers are one"):
        merging.frame({"x": KnownColumn((2.0**53, 2.0**53 + 2), "float64", takes_categories=True)})
    apart = read_table(_csv(tmp_path, ["9007199254740994", "9007199254740992", ""] * 20))
    assert column_of(apart.frame(categorical=["x"]), "x", categorical=True).values[:3] == (2**53 + 2, 2**53, None)


@pytest.mark.parametrize("words", [("True", "False"), ("1", "2"), ("1.0", "2.50"), ("yes", "no")])
def test_what_the_encoder_knows_as_text_is_text(tmp_path: Path, words: tuple[str, str]) -> None:
    made = column_of(read_table(_csv(tmp_path, words * 30)).frame({"x": _text(*words)}), "x", known=_text(*words))
    assert (made.values[:2], made.kind, made.dtype) == (words, "categorical", "object")


@pytest.mark.parametrize(
    ("classes", "text"), [(("01", "02"), True), (("True", "False"), True), ((1, 2), False), ((True, False), False)]
)
def test_the_target_is_text_where_the_models_classes_are(tmp_path: Path, classes: tuple[Any, ...], text: bool) -> None:
    cells = [one if isinstance(one, str) else str(one) for one in classes]
    frame = read_table(_csv(tmp_path, cells * 30)).frame({}, "x", classes)
    assert frame["x"].tolist()[:2] == list(classes)
    assert (frame["x"].dtype == object) == text


@pytest.mark.slow
def test_the_marks_of_gaps_are_those_of_pandas(tmp_path: Path) -> None:
    """Each mark alone, in a column of numbers and in one of text; and a category of that name where the model knows one."""
    for mark in GAP_MARKS - {""}:
        for other in ("1.5", "word"):
            path = _csv(tmp_path, [mark, other] * 30)
            assert pd.read_csv(path)["x"].isna().sum() == 30, mark
            assert read_table(path).frame()["x"].isna().sum() == 30
        known = read_table(_csv(tmp_path, [mark, "word", ""] * 20)).frame({"x": _text(mark, "word")})
        assert known["x"].tolist()[:2] == [mark, "word"]
        assert known["x"].isna().sum() == 20
    for word in ("missing", "none", "NIL", "?", "Na", "N.A."):
        assert pd.read_csv(_csv(tmp_path, [word, "word"] * 30))["x"].notna().all(), word


def test_the_category_dtype_has_the_models_categories_first_and_no_value_is_lost(tmp_path: Path) -> None:
    known = KnownColumn(("Rome", "02", "Bern"), "category", takes_categories=True)
    frame = read_table(_csv(tmp_path, ["Bern", "02", "Oslo", ""] * 15)).frame({"x": known})
    assert frame["x"].dtype.categories.tolist() == ["Rome", "02", "Bern", "Oslo"]
    assert frame["x"].tolist()[:3] == ["Bern", "02", "Oslo"]
    assert frame["x"].isna().sum() == 15
    unsaid = read_table(_csv(tmp_path, ["b", "a"] * 30)).frame({"x": KnownColumn(dtype="category", takes_categories=True)})
    assert unsaid["x"].dtype.categories.tolist() == ["a", "b"]
    whole = read_table(_csv(tmp_path, ["2", "1", ""] * 20)).frame({"x": KnownColumn((1, 2), "category", takes_categories=True)})
    made = column_of(whole, "x", known=KnownColumn((1, 2), "category", takes_categories=True))
    assert (made.kind, made.values[:3], made.dtype_categories) == ("categorical", (2, 1, None), (1, 2))


def test_held_out_rows_have_the_references_types(tmp_path: Path) -> None:
    reference = read_table(_csv(tmp_path, ["0", "1", "3+"] * 20)).frame(categorical=["x"])
    held_out = read_table(_csv(tmp_path, ["0", "1"] * 30)).frame(categorical=["x"], like=reference)
    assert held_out["x"].tolist()[:2] == ["0", "1"]
    floats = read_table(_csv(tmp_path, ["1", ""] * 30)).frame()
    assert read_table(_csv(tmp_path, ["1", "2"] * 30)).frame(like=floats)["x"].dtype == np.float64
    categories = floats.assign(x=pd.Categorical(["b", "a"] * 30, categories=["b", "a"]))
    assert read_table(_csv(tmp_path, ["a", "c"] * 30)).frame(like=categories)["x"].dtype.categories.tolist() == ["b", "a", "c"]


_draw = np.random.default_rng(1)
_GAPS = _draw.random(ROWS) < 0.2


def _gappy(values: Any, dtype: str) -> Any:
    return pd.array([None if gap else value for value, gap in zip(values, _GAPS, strict=True)], dtype=dtype)


@pytest.mark.parametrize(
    ("column", "kind", "dtype"),
    [
        (_gappy(_draw.integers(0, 5, ROWS), "Int64"), "numeric", "Int64"),
        (_gappy(_draw.random(ROWS), "Float64"), "numeric", "Float64"),
        (_gappy(_draw.random(ROWS) < 0.5, "boolean"), "boolean", "boolean"),
        (_gappy(["a", "b"] * 30, "string"), "categorical", "string"),
        (pd.Categorical(["a", "b"] * 30), "categorical", "category"),
        ([Decimal("1.50"), Decimal("-2.25")] * 30, "numeric", "float64"),
        ([Decimal("1.50"), None] * 30, "numeric", "float64"),
        (_draw.integers(0, 200, ROWS).astype("uint8"), "numeric", "uint8"),
        (_draw.random(ROWS).astype("float16"), "numeric", "float16"),
        (_draw.random(ROWS).astype("float32"), "numeric", "float32"),
        ([2**64 - 1, 2**64 - 2] * 30, "numeric", "uint64"),
        ([True, None] * 30, "boolean", "object"),
    ],
)
def test_parquet_types_are_kept(tmp_path: Path, column: Any, kind: str, dtype: str) -> None:
    table = pd.DataFrame({"x": column})
    table.to_parquet(tmp_path / "data.parquet", index=False)
    made = column_of(read_table(tmp_path / "data.parquet").frame(), "x")
    assert (made.kind, made.dtype) == (kind, dtype)
    plain = pd.read_parquet(tmp_path / "data.parquet")["x"]
    assert list(made.values) == [None if gap else value for value, gap in zip(plain.tolist(), plain.isna(), strict=True)]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pd.date_range("2026-01-01", periods=ROWS), "dates or times"),
        (pd.date_range("2026-01-01", periods=ROWS, tz="UTC"), "dates or times"),
        ([datetime.date(2026, 1, 1)] * ROWS, "dates or times"),
        ([datetime.time(12)] * ROWS, "dates or times"),
        (pd.timedelta_range("1h", periods=ROWS), "dates or times"),
        (pd.period_range("2026-01", periods=ROWS, freq="M"), "dates or times"),
        ([[1.0, 2.0]] * ROWS, "values of the types list"),
        ([{"a": 1}] * ROWS, "values of the types dict"),
        ([b"ab"] * ROWS, "values of the types bytes"),
        ([None] * ROWS, "no value in any row"),
        (["01", "02"] * 30, "numbers that are written as text"),
    ],
)
def test_parquet_types_that_no_model_takes(tmp_path: Path, column: Any, said: str) -> None:
    pd.DataFrame({"x": column}).to_parquet(tmp_path / "data.parquet", index=False)
    with pytest.raises(DataError, match=f"'x' has {said}|'x' holds {said}"):
        column_of(read_table(tmp_path / "data.parquet").frame(), "x")


@pytest.mark.parametrize(("gap", "missing"), [("nan", np.nan), ("none", None)])
def test_gaps_of_text_are_those_that_the_model_learned(tmp_path: Path, gap: Any, missing: Any) -> None:
    pd.DataFrame({"x": ["a", None] * 30}).to_parquet(tmp_path / "data.parquet")
    known = _text("a", gap=gap)
    frame = read_table(tmp_path / "data.parquet").frame({"x": known})
    assert (frame["x"][1] is None) == (missing is None)
    assert column_of(frame, "x", known=known).gap == gap


def test_extension_types_give_way_where_the_encoder_learned_from_others(tmp_path: Path) -> None:
    texts = pd.DataFrame({"x": pd.array(["a", None] * 30, dtype="string"), "b": pd.array([True, False] * 30, dtype="boolean")})
    texts.to_parquet(tmp_path / "data.parquet")
    known = {"x": _text("a", gap="nan"), "b": KnownColumn((False, True), "bool", takes_categories=True)}
    frame = read_table(tmp_path / "data.parquet").frame(known)
    assert [str(one) for one in frame.dtypes] == ["object", "bool"]
    assert np.isnan(frame["x"][1])


def test_a_feature_in_the_index_and_names_that_are_numbers(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(ROWS), "y": 1}).set_index("x").to_parquet(tmp_path / "data.parquet")
    table = read_table(tmp_path / "data.parquet")
    assert table.columns == ("y",)
    with pytest.raises(DataError, match=r"no column 'x' in the data; it has y: 'x' is in the table's index.*reset_index\(\)"):
        column_of(table.frame(), "x")
    pd.DataFrame({0: range(ROWS), 1: 1}).to_parquet(tmp_path / "data.parquet")
    assert read_table(tmp_path / "data.parquet").columns == ("0", "1")
    assert column_of(read_table(tmp_path / "data.parquet").frame(), "0").values[3] == 3
