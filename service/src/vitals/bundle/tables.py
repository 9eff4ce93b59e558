"""CSV files and their cells: read as a plain `pandas.read_csv` reads them, or, where each cell must be there, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

GAP_MARKS = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
        *("NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
"""What pandas reads as a missing value by itself: the empty cell, and these words (pandas.read_csv, `na_values`)."""


_TRUTHS = {
    **dict.fromkeys(("true", "1", "1.0", "yes"), True),
    **dict.fromkeys(("false", "0", "0.0", "no"), False),
}


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a CSV file is written: pandas' own options, by pandas' names. A `delimiter` ", " skips the spaces after it."""

    delimiter: str = ","
    decimal: str = "."
    thousands: str | None = None
    comment: str | None = None
    encoding: str = "utf-8"
    na_values: tuple[str, ...] = ()

    def for_pandas(self) -> dict[str, Any]:
        """Arguments of `pandas.read_csv`."""
        spaced = len(self.delimiter) > 1 and not self.delimiter[1:].strip(" ")
        return {
            "sep": self.delimiter[0] if spaced else self.delimiter,
            "skipinitialspace": spaced,
            "decimal": self.decimal,
            "thousands": self.thousands,
            "comment": self.comment,
            "encoding": self.encoding,
        }


def read_csv(path: Path, form: CsvFormat | None = None, **more: Any) -> pandas.DataFrame:
    """The rows of a CSV file with a header; `more` goes to `pandas.read_csv`.

    A column has one type from its first row to its last (`low_memory=False`). Raises OSError, and ValueError where the file
    is none that pandas can read.
    """
    import pandas as pd  # half a second to import

    form = form or CsvFormat()
    marks = {"na_values": list(form.na_values)} if form.na_values else {}
    made: pd.DataFrame = pd.read_csv(path, **{**form.for_pandas(), **marks, "low_memory": False, **more})
    return made


def read_text(path: Path, form: CsvFormat | None = None, **more: Any) -> pandas.DataFrame:
    """Every cell of a CSV file as it is written; an empty one is the empty text. Raises as `read_csv`."""
    return read_csv(path, form, dtype=str, keep_default_na=False, na_values=[], **more)


def read_records(path: Path) -> tuple[list[str], list[dict[str, str | None]]]:
    """The names of the columns, and each row's cells by them, None where the row ends before it: pandas fills such a row up.

    Needs no pandas. Raises OSError, and ValueError where the file is not in UTF-8.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a byte order mark first
        reader = csv.DictReader(file)
        return list(reader.fieldnames or []), list(reader)


def truth_of(cell: str) -> bool | None:
    """True or false as files write them; None for anything else."""
    return _TRUTHS.get(cell.lower())


def gap_marks(categories: Iterable[Any], form: CsvFormat | None = None) -> frozenset[str]:
    """The texts that are gaps in a column with these `categories`.

    All that pandas takes for gaps; where one of these words is a category, only the empty cell is a gap (if it is none, too).
    """
    own = frozenset() if form is None else frozenset(form.na_values)
    known = {one for one in categories if isinstance(one, str)}
    return own | (GAP_MARKS if not known & GAP_MARKS else frozenset({""}) - known)
