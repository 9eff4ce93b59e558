"""A random table that pandas writes is read by us as plain pandas reads it."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitals.bundle.tables import GAP_MARKS
from vitals.errors import DataError
from vitals.estimators.known_column import KnownColumn
from vitals.profiling.reading.columns import Column
from vitals.profiling.reading.data_files import column_of, read_table

pytestmark = pytest.mark.slow

ROWS = 50
_TEXTS = st.text(string.ascii_letters + string.digits + " ,;\"'\n.-+_é", min_size=1, max_size=6)
_CELLS = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(-3, 3),
    "float64": st.floats(allow_nan=True, allow_infinity=False, width=64),
    "float32": st.floats(allow_nan=True, allow_infinity=False, width=32),
    "bool": st.booleans(),
    "bool with gaps": st.sampled_from([True, False, None]),
    "text": st.one_of(_TEXTS, st.none()),
    "words": st.sampled_from(sorted(GAP_MARKS | {"a", "True", "01", "1.0"})),
    "Int64": st.one_of(st.integers(-(2**63), 2**63 - 1), st.none()),
}
_DTYPES = {"small": "int64", "bool with gaps": "object", "text": "object", "words": "object"}


@st.composite
def _tables(draw: st.DrawFn) -> pd.DataFrame:
    kinds = draw(st.lists(st.sampled_from(sorted(_CELLS)), min_size=1, max_size=4))
    columns: dict[str, Any] = {}
    for index, kind in enumerate(kinds):
        few = draw(st.lists(_CELLS[kind], min_size=1, max_size=6))
        cells = [few[place % len(few)] for place in draw(st.lists(st.integers(0, 5), min_size=ROWS, max_size=ROWS))]
        columns[f"{kind} {index}"] = (
            pd.array(cells, dtype="Int64") if kind == "Int64" else pd.Series(cells, dtype=_DTYPES.get(kind, kind))
        )
    return pd.DataFrame(columns)


_OFTEN = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
)


def _same_values(column: Column, plain: pd.Series[Any]) -> None:
    """Every value is the plain table's own, exactly, and no type is lost but that whole numbers of floats may be categories."""
    for mine, theirs in zip(column.values, plain.tolist(), strict=True):
        if mine is None:
            assert pd.isna(theirs)
        else:
            assert mine == theirs
            assert type(mine) is type(theirs) or column.kind == "categorical"
    assert column.dtype == str(plain.dtype)


def _typed_or_refused(frame: pd.DataFrame, plain: pd.DataFrame) -> None:
    for name in plain.columns:
        try:
            column = column_of(frame, name)
        except DataError as wrong:
            assert f"'{name}'" in str(wrong)  # noqa: PT017 - it may also be typed
        else:
            _same_values(column, plain[name])


@_OFTEN
@given(table=_tables())
def test_csv(table: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    table.to_csv(path, index=False)
    plain = pd.read_csv(path, low_memory=False)
    if len(plain) < ROWS:
        return  # a row of nothing but gaps in one column is an empty line, which pandas leaves out
    frame = read_table(path).frame()
    pd.testing.assert_frame_equal(frame, plain, check_exact=True)
    _typed_or_refused(frame, plain)


@_OFTEN
@given(table=_tables())
def test_parquet(table: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    table.to_parquet(path)
    plain = pd.read_parquet(path)
    frame = read_table(path).frame()
    pd.testing.assert_frame_equal(frame, plain, check_exact=True)
    _typed_or_refused(frame, plain)


@_OFTEN
@given(
    texts=st.lists(
        st.one_of(_TEXTS, st.sampled_from(sorted(GAP_MARKS))).map(lambda text: text.replace("\n", " ")),
        min_size=2,
        max_size=8,
        unique=True,
    ),
    gaps=st.booleans(),
)
def test_every_text_that_an_encoder_knows_comes_back(texts: list[str], gaps: bool, tmp_path: Path) -> None:
    """Whatever the categories look like, as words for nothing, numbers, truth values: they are the texts that were written."""
    cells = (texts * ROWS)[:ROWS]
    known = {"x": KnownColumn(tuple(sorted(texts)), "object", takes_categories=True)}
    table = pd.DataFrame({"row": range(ROWS), "x": pd.Series(cells, dtype=object)})
    if gaps and "" not in texts:
        table.loc[::5, "x"] = np.nan
    table.to_csv(tmp_path / "data.csv", index=False)
    frame = read_table(tmp_path / "data.csv").frame(known)
    pd.testing.assert_frame_equal(frame, table)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
@given(table=_tables())
def test_csv_with_another_delimiter(table: pd.DataFrame, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    table.to_csv(path, index=False, sep=delimiter, decimal=",")
    plain = pd.read_csv(path, low_memory=False, sep=delimiter, decimal=",")
    if len(plain) == ROWS:
        pd.testing.assert_frame_equal(read_table(path, delimiter=delimiter, decimal=",").frame(), plain, check_exact=True)
