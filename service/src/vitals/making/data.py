"""Reading reference data: every column gets a kind, or a sentence that names it and says what is wrong."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api import types

from vitals.errors import DataError
from vitals.making.names import check_categories
from vitals.model.inputs import Value
from vitals.profile.bins import LARGEST
from vitals.profile.tables import read_csv

FEWEST_ROWS = 50
MOST_CATEGORIES_IN_ALL = 1000

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{4}( .*)?")


@dataclass(frozen=True)
class Column:
    """One column: its kind, and a value for each row, None where it is missing."""

    name: str
    kind: Literal["numeric", "categorical", "boolean"]
    values: tuple[Value, ...]

    @property
    def present(self) -> list[Any]:
        """The values that are not missing."""
        return [value for value in self.values if value is not None]


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV (with a header) or Parquet file. Raises DataError where it can't be read, or names a column twice."""
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    if path.suffix == ".csv":
        table = _read_csv(path)
    elif path.suffix in (".parquet", ".pq"):
        table = _read_parquet(path)
    else:
        raise DataError(f"{path} is not read: reference data is a .csv or a .parquet file.")
    if len(table) < FEWEST_ROWS:
        raise DataError(f"{path} has {len(table)} rows: a profile needs {FEWEST_ROWS} or more to say how the data usually look.")
    return table


def column_of(table: pd.DataFrame, name: str, *, categorical: bool = False) -> Column:
    """The column `name` with its kind; with `categorical`, numbers and texts that look like numbers are categories.

    Raises DataError where the column is absent, has no value, or values that no model takes.
    """
    if name not in table.columns:
        raise DataError(f"There is no column '{name}' in the data; it has {_listed(table.columns)}.")
    series = table[name]
    gaps = series.isna().to_numpy()
    if gaps.all():
        raise DataError(f"Column '{name}' has no value in any row.")
    present = series[~gaps]
    if isinstance(series.dtype, pd.CategoricalDtype):
        categorical = categorical or not types.is_bool_dtype(series.dtype.categories)
        present = present.astype(series.dtype.categories.dtype)
    kind, values = _typed(name, present, categorical)
    if kind == "categorical":
        _check_categories(name, values)
    filled: list[Value] = [None] * len(series)
    for index, value in zip(np.flatnonzero(~gaps), values, strict=True):
        filled[index] = value
    return Column(name, kind, tuple(filled))


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
        _once(path, header)
        return read_csv(path)
    except (OSError, ValueError, csv.Error) as wrong:  # pandas' parser errors are ValueErrors
        raise DataError(f"{path} can't be read as CSV: {str(wrong).strip()}.") from None


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(f"{path} is a Parquet file, and pyarrow is not installed: pip install 'vitals[parquet]'.") from None
    try:
        _once(path, parquet.read_schema(path).names)
        return pd.read_parquet(path)
    except DataError:
        raise
    except Exception as wrong:  # pyarrow's errors share no base but Exception
        raise DataError(f"{path} can't be read as Parquet: {str(wrong).strip()}.") from None


def _once(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path} has more than one column '{twice[0]}': rename or remove all but one.")


def _typed(
    name: str, present: pd.Series[Any], categorical: bool
) -> tuple[Literal["numeric", "categorical", "boolean"], list[Any]]:
    """The kind, and the values as plain Python ones."""
    if types.is_datetime64_any_dtype(present.dtype) or types.is_timedelta64_dtype(present.dtype):
        raise _dates(name)
    if types.is_bool_dtype(present.dtype):
        return "boolean", [bool(value) for value in present]
    if types.is_numeric_dtype(present.dtype) and not types.is_complex_dtype(present.dtype):
        return _numbers(name, present.to_numpy(dtype=np.float64), categorical)
    return _objects(name, present.tolist(), categorical)


def _numbers(name: str, values: np.ndarray[Any, Any], categorical: bool) -> tuple[Literal["numeric", "categorical"], list[Any]]:
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise DataError(f"Column '{name}' has infinite values in {infinite} rows: replace them, or leave them empty.")
    if (np.abs(values) > LARGEST).any():
        raise DataError(f"Column '{name}' has values beyond {LARGEST:g}, more than a request may have: scale them.")
    if not categorical:
        return "numeric", values.tolist()
    if (values != np.floor(values)).any():
        raise DataError(f"Column '{name}' has fractions: only text and whole numbers can be categories.")
    return "categorical", [int(value) for value in values]


def _objects(name: str, values: list[Any], categorical: bool) -> tuple[Literal["numeric", "categorical", "boolean"], list[Any]]:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean", values
    if kinds <= {int, float}:
        return _numbers(name, np.array(values, dtype=np.float64), categorical)
    if kinds != {str}:
        if any(hasattr(value, "isoformat") for value in values):
            raise _dates(name)
        told = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise DataError(f"Column '{name}' has values of the types {told}: a column is of numbers, of text or of true and false.")
    if all(_DATE.fullmatch(value.strip()) for value in values):
        raise _dates(name)
    words = [value for value in values if not _is_number(value)]
    # Numbers beside one word over and over: a mark of what is missing, not categories.
    if not categorical and (len(words) * 2 < len(values) or (len(words) < len(values) and len(set(words)) == 1)):
        raise DataError(
            f"Column '{name}' has numbers and text ('{words[0][:40] if words else values[0]}'): make it one of them (what is "
            f"missing is an empty cell), or say `--categorical {name}` where each is the name of a category."
        )
    return "categorical", values


def _check_categories(name: str, values: list[Any]) -> None:
    different = set(values)
    if len(different) > 20 and len(different) * 2 > len(values):
        raise DataError(
            f"Column '{name}' has {len(different)} different values in {len(values)} rows, like an identifier: "
            "no distribution can be compared; remove it from the model and the data."
        )
    if len(different) > MOST_CATEGORIES_IN_ALL:
        raise DataError(
            f"Column '{name}' has {len(different)} categories; a profile holds {MOST_CATEGORIES_IN_ALL}: group the rare ones."
        )
    check_categories(name, different)


def not_used(table: pd.DataFrame, used: Collection[str]) -> list[str]:
    """Columns of the data that are neither features nor the target."""
    return [str(name) for name in table.columns if name not in used]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _dates(name: str) -> DataError:
    return DataError(
        f"Column '{name}' holds dates or times, which models do not take: make numbers of it, as the weekday or an age."
    )


def _listed(names: Any) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")
