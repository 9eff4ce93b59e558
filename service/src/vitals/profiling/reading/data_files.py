"""Reading reference data: the table as the user's own reader gives it, with the types that the model knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vitals.bundle.tables import CsvFormat, gap_marks, read_csv, read_text
from vitals.errors import DataError
from vitals.estimators.known_column import KnownColumn
from vitals.extras import install
from vitals.profiling.reading.columns import Column, column_of, not_used
from vitals.profiling.reading.file_formats import csv_format, form_of, not_read_as_csv, not_read_as_parquet
from vitals.profiling.reading.table_columns import is_written_index, listed, no_such_column, written_otherwise
from vitals.profiling.reading.table_types import as_category, as_model, as_reference, is_text, without_decimals

__all__ = ["Column", "TableFile", "column_of", "is_written_index", "listed", "no_such_column", "not_used", "read_table"]

FEWEST_ROWS = 50

_WHOLE_AS_READ = re.compile(r"-?(0|[1-9]\d*)(\.0)?")
_EXACT = 2**53


def read_table(
    path: Path,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    comment: str | None = None,
    encoding: str | None = None,
    na_values: Sequence[str] = (),
) -> TableFile:
    """Look into a CSV (with a header) or Parquet file; the options are pandas' own, and for CSV only.

    Reads the columns' names and no rows. Raises DataError where there is no such file, it is of another format, it can't be
    read, or it names a column twice.
    """
    options = {
        "delimiter": delimiter,
        "decimal": decimal,
        "thousands": thousands,
        "comment": comment,
        "encoding": encoding,
        "na_values": tuple(na_values),
    }
    if form_of(path) == "parquet":
        given = [name for name, value in options.items() if value]
        if given:
            raise DataError(f"--{given[0].replace('_', '-')} is for CSV files, and {path} is a Parquet file.")
        return TableFile(path, _parquet_names(path), None)
    form = csv_format(path, options)
    return TableFile(path, _csv_names(path, form), form)


@dataclass(frozen=True)
class TableFile:
    """A file of reference data that can be read: `columns` are the names in the file's order; `form` is None for Parquet."""

    path: Path
    columns: tuple[str, ...]
    form: CsvFormat | None

    def frame(
        self,
        known: Mapping[str, KnownColumn] | None = None,
        target: str | None = None,
        target_classes: Sequence[Any] | None = None,
        categorical: Collection[str] = (),
        like: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """The table as plain `pandas.read_csv` or `read_parquet` gives it, with the types that the model knows.

        Text for a column whose categories are text, and for the target where all `target_classes`, the estimator's own, are;
        the `category` dtype where the model wants it; for a column in `categorical` that the model knows nothing of, text
        where numbers would lose something of it. `like` is the reference's table, whose types held-out rows have.
        Raises DataError where the file can't be read, or has too few rows.
        """
        wanted = dict(known or {})
        if target is not None and target_classes is not None:
            wanted[target] = KnownColumn(tuple(target_classes))
        form = self.form
        table = _parquet_table(self.path) if form is None else _csv_table(self.path, form, wanted, categorical, like)
        if len(table) < FEWEST_ROWS:
            raise DataError(
                f"{self.path} has {len(table)} rows: a profile needs {FEWEST_ROWS} or more to say how the data usually look."
            )
        for name, one in wanted.items():
            if name in table.columns and name != target:
                table[name] = (
                    as_category(table[name], one.categories, one.ordered)
                    if one.dtype == "category"
                    else as_model(table[name], one)
                )
        return table if like is None else as_reference(table, like)


def _csv_names(path: Path, form: CsvFormat) -> tuple[str, ...]:
    try:
        header = read_text(path, form, header=None, nrows=1).iloc[0].tolist()
        _once(path, [name for name in header if name])
        return tuple(str(name) for name in read_csv(path, form, nrows=0).columns)
    except Exception as wrong:  # pandas' own, and those of what unpacks a compressed file
        raise not_read_as_csv(path, form, wrong) from None


def _csv_table(
    path: Path, form: CsvFormat, known: Mapping[str, KnownColumn], categorical: Collection[str], like: pd.DataFrame | None
) -> pd.DataFrame:
    texts = {name for name, one in known.items() if one.is_text}
    if like is not None:
        texts |= {str(name) for name in like.columns if is_text(like[name])}
    try:
        table = read_csv(path, form, dtype=dict.fromkeys(texts, str))
        plain = {name: gap_marks((known[name].categories if name in known else None) or (), form) for name in texts}
        own_marks = {name for name, marks in plain.items() if marks != gap_marks((), form)}
        unsaid = {name for name in categorical if not (name in known and known[name].categories)} - texts
        unsaid |= {name for name, one in known.items() if one.takes_categories and one.categories is None} - texts
        beyond = {name for name in table.columns if _beyond_floats(table[name]) and (name in unsaid or name in known)}
        looked_at = [name for name in table.columns if name in own_marks | unsaid | beyond]
        written = read_text(path, form) if looked_at else table
    except Exception as wrong:  # as above
        raise not_read_as_csv(path, form, wrong) from None
    _check_shape(path, table)
    for name in looked_at:
        cells = written[name]
        if name in own_marks:
            table[name] = _with_gaps(cells, plain[name])
            continue
        text = _with_gaps(cells, gap_marks((), form))
        if name in unsaid and pd.api.types.is_numeric_dtype(table[name]) and _loses(text, table[name]):
            table[name] = text
        elif name in beyond and text.nunique() > table[name].nunique():
            raise DataError(
                f"Column '{name}' has whole numbers beyond 2^53 and gaps: pandas reads such a column as float64, in which "
                "neighbouring numbers are one. Fill the gaps, or fit the model on text."
            )
    return table


def _with_gaps(cells: pd.Series[Any], marks: Collection[str]) -> pd.Series[Any]:
    return pd.Series([np.nan if cell in marks else cell for cell in cells], index=cells.index, dtype=object)


def _loses(text: pd.Series[Any], numbers: pd.Series[Any]) -> bool:
    """Whether cells have something in them that numbers lose: leading zeros, a sign, an exponent, spaces."""
    present = text.notna()
    return any(
        not _WHOLE_AS_READ.fullmatch(cell) and repr(number) != cell
        for cell, number in zip(text[present].tolist(), numbers[present].tolist(), strict=True)
    )


def _beyond_floats(column: pd.Series[Any]) -> bool:
    return column.dtype == np.float64 and bool((column.abs() >= _EXACT).any() and (column.dropna() % 1 == 0).all())


def _check_shape(path: Path, table: pd.DataFrame) -> None:
    """pandas takes cells that stand before the header's first name for an index."""
    if isinstance(table.index, pd.RangeIndex):
        return
    if table.index.nlevels > 1 or (len(table.columns) and table[table.columns[-1]].isna().all()):
        names = [str(name) for name in table.columns]
        told = written_otherwise(names) or (
            "is the first line a comment (`--comment '#'`), or is there a delimiter too many at the end of the lines?"
        )
        raise DataError(
            f"{path} has fewer names in its first line ({listed(names)}) than cells in the lines below: {told.rstrip('.')}"
            + ("" if told.endswith("?") else ".")
        )


def _parquet_names(path: Path) -> tuple[str, ...]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(f"{path} is a Parquet file, and pyarrow is not installed: {install('parquet')}.") from None
    try:
        schema = parquet.read_schema(path)
        _once(path, schema.names)
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        return tuple(name for name in schema.names if name not in [one for one in index if isinstance(one, str)])
    except DataError:
        raise
    except Exception as wrong:  # pyarrow's errors share no base but Exception
        raise not_read_as_parquet(path, wrong) from None


def _parquet_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except Exception as wrong:  # as above
        raise not_read_as_parquet(path, wrong) from None
    table.columns = pd.Index([str(name) for name in table.columns])
    return without_decimals(table)


def _once(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path} has more than one column '{twice[0]}': rename or remove all but one.")
