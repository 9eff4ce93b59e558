"""CSV files, read in one way wherever they come in: an empty cell is missing, and nothing else that is text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

_NOT_A_NUMBER = "nan"


def read_csv(path: Path, *, as_text: bool = False) -> pandas.DataFrame:
    """The rows of a CSV file with a header; `NA`, `None` and the like are text, which may well be the name of a category.

    Among numbers `NaN` (as `nan`, too) is a missing value; with `as_text` every cell stays as it is written, and that is left
    to the caller. Raises OSError, and ValueError where the file is none that pandas can read.
    """
    import pandas as pd  # half a second to import

    typed: dict[str, Any] = {"dtype": str} if as_text else {"low_memory": False}
    table: pd.DataFrame = pd.read_csv(path, encoding="utf-8-sig", keep_default_na=False, na_values=[""], **typed)
    if not as_text:
        for name in table.select_dtypes("object").columns:
            table[name] = _numbers_where_only_nan_is_text(table[name])
    return table


def _numbers_where_only_nan_is_text(column: pandas.Series[Any]) -> pandas.Series[Any]:
    """pandas makes text of a column of numbers with NaN among them, where NaN is not among its marks of a missing value."""
    import pandas as pd

    if not any(isinstance(cell, str) and cell.strip().lower() == _NOT_A_NUMBER for cell in column):
        return column
    try:
        found = [math.nan if pd.isna(cell) else float(cell) for cell in column]
    except (TypeError, ValueError):
        return column
    return column if all(math.isnan(one) for one in found) else pd.Series(found, index=column.index, dtype="float64")
