"""Typing the columns of reference data: every column gets a kind, or a sentence that names it and says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from shlex import quote
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api import types

from vitals.bundle.bins import LARGEST, Value
from vitals.bundle.schema import Kind
from vitals.errors import DataError
from vitals.estimators.known_column import KnownColumn
from vitals.profiling.reading.names import check_categories
from vitals.profiling.reading.table_columns import no_such_column
from vitals.profiling.reading.text_formats import are_dates, common_unit, is_free_text, is_number, number_format

MOST_CATEGORIES_IN_ALL = 1000


@dataclass(frozen=True)
class Column:
    """One column: its kind, and a value for each row, None where it is missing.

    `values` are plain Python ones and exact: whole numbers of a column of integers stay integers of any size.
    `dtype` is the pandas type that the table has it in; `gap` is how a gap is given to the model in a column of objects.
    `dtype_categories`: of a `category` dtype, all of its categories in their order, and `ordered` whether that means something.
    """

    name: str
    kind: Kind
    values: tuple[Value, ...]
    dtype: str = ""
    gap: Literal["nan", "none"] = "nan"
    dtype_categories: tuple[Any, ...] | None = None
    ordered: bool = False

    @property
    def present(self) -> list[Any]:
        """The values that are not missing."""
        return [value for value in self.values if value is not None]


def column_of(table: pd.DataFrame, name: str, *, categorical: bool = False, known: KnownColumn | None = None) -> Column:
    """The column `name` of `table`, a frame as the model's own reader gives it.

    Text is categorical, and so are whole numbers with `categorical`, or where the model encodes them (`known`), there are few
    of them, and it takes them as nothing else. Raises DataError where the column is absent, has no value, or values that no
    model takes.
    """
    if name not in table.columns:
        raise no_such_column(name, table)
    series = table[name]
    gaps = series.isna().to_numpy()
    if gaps.all():
        raise DataError(f"Column '{name}' has no value in any row.")
    if known is not None and known.free_text:
        raise DataError(
            f"Column '{name}' is free text, which the model cuts into words: only numbers, categories and true and false are "
            "served. Make numbers of it before the model, and fit the model on these."
        )
    present = series[~gaps]
    more: dict[str, Any] = {}
    if isinstance(series.dtype, pd.CategoricalDtype):
        own = series.dtype.categories
        categorical = categorical or not types.is_bool_dtype(own.dtype)
        present = present.astype(own.dtype)
        more = {"dtype_categories": tuple(own.tolist()), "ordered": bool(series.dtype.ordered)}
    kind, values = _typed(name, present, categorical, known)
    if kind == "categorical":
        _check_categories(name, values)
    filled: list[Value] = [None] * len(series)
    for index, value in zip(np.flatnonzero(~gaps), values, strict=True):
        filled[index] = value
    return Column(name, kind, tuple(filled), str(series.dtype), _gap(series[gaps], known), **more)


def not_used(table: pd.DataFrame, used: Collection[str]) -> list[str]:
    """Columns of the data that are neither features nor the target."""
    return [str(name) for name in table.columns if name not in used]


def _gap(gaps: pd.Series[Any], known: KnownColumn | None) -> Literal["nan", "none"]:
    """As the model knows gaps, else as the table has them."""
    if known is not None and known.gap is not None:
        return known.gap
    return "none" if len(gaps) and gaps.iloc[0] is None else "nan"


def _typed(name: str, present: pd.Series[Any], categorical: bool, known: KnownColumn | None) -> tuple[Kind, list[Any]]:
    """The kind, and the values as plain Python ones."""
    dtype = present.dtype
    if types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        raise _dates(name)
    if types.is_bool_dtype(dtype):
        return "boolean", [bool(value) for value in present.tolist()]
    if types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        return _numbers(name, present.tolist(), categorical, known)
    return _objects(name, present.tolist(), categorical, known)


def _numbers(name: str, values: list[Any], categorical: bool, known: KnownColumn | None) -> tuple[Kind, list[Any]]:
    infinite = sum(isinstance(value, float) and math.isinf(value) for value in values)
    if infinite:
        raise DataError(f"Column '{name}' has infinite values in {infinite} rows: replace them, or leave them empty.")
    if any(abs(value) > LARGEST for value in values):
        raise DataError(f"Column '{name}' has values beyond {LARGEST:g}, more than a request may have: scale them.")
    whole = all(isinstance(value, int) or value.is_integer() for value in values)
    if categorical and not whole:
        raise DataError(f"Column '{name}' has fractions: only text and whole numbers can be categories.")
    if categorical or (whole and _encoded(values, known)):
        return "categorical", [int(value) for value in values]
    return "numeric", values


def _encoded(values: Sequence[Any], known: KnownColumn | None) -> bool:
    """Whether whole numbers are categories for the model, and for nothing else, and few enough to be compared one by one."""
    if known is None or not known.takes_categories or known.also_number:
        return False
    if known.categories is not None and not known.is_whole and known.categories:
        return False
    different = len(set(values))
    return different <= MOST_CATEGORIES_IN_ALL and not _like_an_identifier(different, len(values))


def _objects(name: str, values: list[Any], categorical: bool, known: KnownColumn | None) -> tuple[Kind, list[Any]]:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean", values
    if kinds == {Decimal}:
        return _numbers(name, [float(value) for value in values], categorical, known)
    if kinds <= {int, float}:
        return _numbers(name, values, categorical, known)
    if kinds != {str}:
        if any(isinstance(value, date | time | timedelta | pd.Period) or hasattr(value, "isoformat") for value in values):
            raise _dates(name)
        told = ", ".join(sorted({"ndarray": "list"}.get(kind.__name__, kind.__name__) for kind in kinds))
        raise DataError(f"Column '{name}' has values of the types {told}: a column is of numbers, of text or of true and false.")
    if not categorical and (known is None or not known.is_text):
        _check_texts(name, values)
    return "categorical", values


def _check_texts(name: str, values: list[str]) -> None:
    """Raises DataError for texts that are numbers or dates rather than names, where nobody said that they are names."""
    if are_dates(values):
        raise _dates(name, texts=True)
    told = number_format(name, values)
    if told is not None:
        raise DataError(told)
    words = [value for value in values if not is_number(value)]
    if not words:
        raise DataError(
            f"Column '{name}' has numbers that are written as text ('{values[0][:40]}'): write them as numbers, or say "
            f"`--categorical {quote(name)}` where each is the name of a category."
        )
    # Numbers beside one word over and over: a mark of what is missing, not categories.
    if len(words) * 2 < len(values) or (len(words) < len(values) and len(set(words)) == 1):
        shown = words[0][:40]
        gaps = f", or `--na-values {quote(shown)}` makes it one" if len(set(words)) == 1 else ""
        raise DataError(
            f"Column '{name}' has numbers and text ('{shown}'): make it one of them (what is missing is an empty cell{gaps}), "
            f"or say `--categorical {quote(name)}` where each is the name of a category."
        )


def _check_categories(name: str, values: list[Any]) -> None:
    different = set(values)
    if _like_an_identifier(len(different), len(values)):
        told = f"Column '{name}' has {len(different)} different values in {len(values)} rows"
        texts = [value for value in values if isinstance(value, str)]
        if texts and common_unit(texts) is not None:
            raise DataError(f"{told}, numbers with a unit ('{texts[0][:40]}'): write plain numbers, as the model takes them.")
        if texts and is_free_text(texts):
            raise DataError(
                f"{told}, free text ('{texts[0][:40]}'): only numbers, categories and true and false are served; make numbers of "
                "it before the model."
            )
        raise DataError(f"{told}, like an identifier: no distribution can be compared; remove it from the model and the data.")
    if len(different) > MOST_CATEGORIES_IN_ALL:
        raise DataError(
            f"Column '{name}' has {len(different)} categories; a profile holds {MOST_CATEGORIES_IN_ALL}: group the rare ones."
        )
    check_categories(name, different)


def _like_an_identifier(different: int, rows: int) -> bool:
    return different > 20 and different * 2 > rows


def _dates(name: str, texts: bool = False) -> DataError:
    way_out = f" (or say `--categorical {quote(name)}` where each is the name of a category)" if texts else ""
    return DataError(
        f"Column '{name}' holds dates or times, which models do not take: make numbers of it, as the weekday or an age{way_out}."
    )
