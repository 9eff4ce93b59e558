"""Giving the columns of a table the types that the model, or the reference, has them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from vitals.estimators.known_column import KnownColumn


def is_text(column: pd.Series[Any]) -> bool:
    """Whether a column of objects holds texts, and nothing else but gaps."""
    return column.dtype == object and types.infer_dtype(column, skipna=True) == "string"


def as_category(column: pd.Series[Any], categories: Sequence[Any] | None, ordered: bool = False) -> pd.Series[Any]:
    """`column` in the `category` dtype: `categories` first, in their order, then what else it has, sorted.

    No value becomes a gap: what the model does with a category that it does not know is the model's to say.
    """
    if categories is None:
        return column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    plain = column.astype(column.dtype.categories.dtype) if isinstance(column.dtype, pd.CategoricalDtype) else column
    others = set(plain.dropna().tolist()) - set(categories)
    dtype = pd.CategoricalDtype([*categories, *sorted(others, key=lambda one: (str(type(one)), one))], ordered=ordered)
    return plain.astype(dtype)


def as_model(column: pd.Series[Any], known: KnownColumn) -> pd.Series[Any]:
    """`column` as the model has learned it: no extension dtype that an encoder's own categories rule out; its own gaps."""
    plain = known.dtype in ("object", "bool")
    booleans = plain and known.categories is not None and all(isinstance(one, bool) for one in known.categories)
    if isinstance(column.dtype, pd.BooleanDtype) and booleans and column.notna().all():
        return column.astype(bool)
    if (isinstance(column.dtype, pd.StringDtype) and plain and known.is_text) or (
        isinstance(column.dtype, pd.BooleanDtype) and booleans
    ):
        column = column.astype(object).where(column.notna(), np.nan)
    if known.gap is not None and column.dtype == object and column.isna().any():
        return column.astype(object).where(column.notna(), None if known.gap == "none" else np.nan)
    return column


def without_decimals(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with floats for columns of decimal numbers, which pandas keeps as objects."""
    for name in table.columns:
        if table[name].dtype == object and types.infer_dtype(table[name], skipna=True) == "decimal":
            table[name] = table[name].astype(np.float64)
    return table


def as_reference(table: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """`table` with the reference's types where its values allow that: whole numbers as floats, texts as categories."""
    for name in table.columns:
        if name not in reference.columns:
            continue
        wanted = reference[name].dtype
        if isinstance(wanted, pd.CategoricalDtype):
            table[name] = as_category(table[name], wanted.categories.tolist(), bool(wanted.ordered))
        elif types.is_float_dtype(wanted) and types.is_integer_dtype(table[name].dtype):
            table[name] = table[name].astype(wanted)
    return table
