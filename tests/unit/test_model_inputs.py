"""A row's input is the same alone and beside any other rows: types come from the profile, never from the batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.bundle.schema import Bin, Feature
from vitals.model_io.inputs import Inputs

_BINS = (Bin(name="a", drift="a", share=0.5), Bin(name="b", drift="b", share=0.5))


def _feature(name: str, dtype: str, **more: Any) -> Feature:
    kind = {"bool": "boolean", "boolean": "boolean", "object": "categorical", "category": "categorical"}.get(dtype, "numeric")
    return Feature(
        **{
            "name": name,
            "kind": kind,
            "dtype": dtype,
            "bins": _BINS,
            "psi_null": 1.0,
            "missing_allowed": True,
            "missing_share": 0,
            "example": None,
            "categories": ("x", "y") if kind == "categorical" else (),
            **more,
        }
    )


FEATURES = (
    _feature("number", "float64"),
    _feature("single", "float32"),
    _feature("count", "int64"),
    _feature("small", "uint8"),
    _feature("member", "bool"),
    _feature("city", "object"),
    _feature("grade", "category", levels=("x", "y")),
    _feature("nullable", "Int64"),
    _feature("maybe", "boolean"),
)

_ROWS = st.tuples(
    st.none() | st.floats(-1e6, 1e6),
    st.none() | st.floats(-100, 100, width=32),
    st.none() | st.integers(-(2**62), 2**62) | st.sampled_from([2.0, 2.5]),
    st.none() | st.integers(0, 255) | st.just(300),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["x", "y", "z"]),
    st.none() | st.sampled_from(["x", "y"]),
    st.none() | st.integers(-(2**62), 2**62),
    st.none() | st.booleans(),
)


def _seen(given: Any) -> list[tuple[Any, ...]]:
    """What a model can see of each row: every value with its column's type."""
    if isinstance(given, np.ndarray):
        return [tuple((str(given.dtype), repr(value)) for value in row) for row in given.tolist()]
    columns = [(str(dtype), given.iloc[:, index].tolist()) for index, dtype in enumerate(given.dtypes)]
    return [tuple((dtype, repr(values[row])) for dtype, values in columns) for row in range(len(given))]


def _by_row(inputs: Inputs, rows: list[Any]) -> list[tuple[Any, ...]]:
    found: list[Any] = [None] * len(rows)
    for at, made in inputs.groups(rows):
        for index, seen in zip(range(len(rows)) if at is None else at, _seen(made), strict=True):
            found[index] = seen
    return found


@pytest.mark.slow
@pytest.mark.parametrize("container", ["array", "frame"])
@given(rows=st.lists(_ROWS, min_size=1, max_size=12))
@settings(deadline=None, max_examples=60)
def test_a_row_looks_the_same_alone_and_in_any_batch(container: Any, rows: list[Any]) -> None:
    inputs = Inputs(FEATURES, container)
    together = _by_row(inputs, rows)
    assert together == [_by_row(inputs, [row])[0] for row in rows]
    backwards = _by_row(inputs, rows[::-1])
    assert together == backwards[::-1]


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int64", [1, 2, 3]),
        ("int64", [2**53 + 1, 2**53, -(2**62)]),
        ("float64", [0.1, None, 3.0]),
        ("float32", [0.1, None, 3.0]),
        ("bool", [True, False, True]),
        ("object", ["02139", None, "True"]),
        ("Int64", [1, None, 2**53 + 1]),
        ("boolean", [True, None, False]),
        ("string", ["a", None, "b"]),
    ],
)
def test_columns_are_what_pandas_makes_of_these_values(dtype: str, values: list[Any]) -> None:
    [(at, frame)] = Inputs([_feature("a", dtype)], "frame").groups([[value] for value in values])
    assert at is None
    filled = [math.nan if value is None and dtype == "object" else value for value in values]
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": pd.Series(filled, dtype=dtype)}))


@pytest.mark.parametrize(("value", "dtype"), [(None, "float64"), (2.5, "float64"), (2**70, "float64"), (2.0, "int64")])
def test_a_value_that_its_column_does_not_hold_goes_apart_with_the_type_that_pandas_gives_it(value: Any, dtype: str) -> None:
    parts = Inputs([_feature("a", "int64")], "frame").groups([[1], [value], [3]])
    types = {index: str(made.dtypes.iloc[0]) for at, made in parts for index in (at if at is not None else range(3))}
    assert types == {0: "int64", 1: dtype, 2: "int64"}


def test_a_gap_among_true_and_false_is_an_object_as_in_a_file_with_gaps() -> None:
    parts = Inputs([_feature("a", "bool")], "frame").groups([[True], [None]])
    assert {str(made.dtypes.iloc[0]) for _, made in parts} == {"bool", "object"}


@pytest.mark.parametrize(("gap", "shown"), [("nan", math.nan), ("none", None)])
def test_a_gap_in_text_is_what_the_model_learned_from(gap: Any, shown: Any) -> None:
    [(_, frame)] = Inputs([_feature("a", "object", gap=gap)], "frame").groups([["x"], [None]])
    assert repr(frame["a"].tolist()) == repr(["x", shown])


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (["float64", "int64"], "float64"),
        (["int64", "int64"], "int64"),
        (["float32", "float32"], "float32"),
        (["float32", "int64"], "float64"),
        (["bool", "bool"], "bool"),
        (["bool", "float64"], "object"),
        (["object", "float64"], "object"),
    ],
)
def test_an_array_has_the_type_that_a_tables_to_numpy_has(dtypes: list[str], expected: str) -> None:
    values = {"float64": 1.5, "float32": 1.5, "int64": 2, "bool": True, "object": "x"}
    features = [_feature(f"f{index}", dtype) for index, dtype in enumerate(dtypes)]
    [(_, made)] = Inputs(features, "array").groups([[values[dtype] for dtype in dtypes]])
    table = pd.DataFrame({f"f{index}": pd.Series([values[dtype]], dtype=dtype) for index, dtype in enumerate(dtypes)})
    assert str(made.dtype) == expected == str(table.to_numpy().dtype)


def test_a_profile_of_before_gets_the_types_that_its_kinds_say() -> None:
    features = [
        _feature("number", "", kind="numeric", categories=()),
        _feature("code", "", kind="categorical", categories=(1, 2)),
        _feature("gappy", "", kind="categorical", categories=(1, 2), missing_share=0.1),
        _feature("city", "", kind="categorical", categories=("x", "y")),
        _feature("member", "", kind="boolean", categories=()),
    ]
    [(_, frame)] = Inputs(features, "frame").groups([[1.0, 2, 1, "x", True]])
    assert [str(dtype) for dtype in frame.dtypes] == ["float64", "int64", "float64", "object", "bool"]
