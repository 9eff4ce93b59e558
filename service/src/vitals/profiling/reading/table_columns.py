"""The names of a table's columns: which there are, and what to say of one that is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from vitals.errors import DataError
from vitals.profiling.reading.text_formats import is_number

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = {";": "';'", "\t": "tab", "|": "'|'"}
"""What stands between cells instead of a comma, and how the option --delimiter names it."""


def no_such_column(name: str, table: pd.DataFrame, told: str = "") -> DataError:
    """The sentence about a column that `table` lacks: what was found, and the option or the change that helps.

    `told` begins it, where it is more than that there is no such column.
    """
    columns = [str(one) for one in table.columns]
    begin = told or f"There is no column '{name}' in the data"
    return DataError(f"{begin}; it has {listed(columns)}{_hint(name, columns, [one for one in table.index.names if one])}.")


def listed(names: Iterable[Any]) -> str:
    """The first 20 names, and how many more there are; an index that to_csv wrote is named as what it is."""
    shown = [str(name)[:100] for name in names]
    said = [f"{name} (an index that to_csv wrote)" if is_written_index(name) else name for name in shown]
    return ", ".join(said[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")


def is_written_index(name: str) -> bool:
    """Whether a column of this name has no name in the file, as the index that pandas' to_csv writes."""
    return name.startswith("Unnamed: ") and name[9:].isdecimal()


def written_otherwise(columns: Sequence[str]) -> str:
    """What is wrong with a first line, and the option that reads it; empty where nothing is to be seen."""
    if len(columns) == 1:
        for delimiter, option in DELIMITERS.items():
            if delimiter in columns[0]:
                return f"that is one name with a {option} in it, and `--delimiter {option}` reads it"
    if columns and columns[0].startswith(("#", "%", "//")):
        return f"the first line looks like a comment, and `--comment '{columns[0][0]}'` leaves such lines out"
    if columns and sum(map(is_number, columns)) * 2 > len(columns):
        return "these look like values: a file needs a first line with the columns' names"
    return ""


def _hint(name: str, columns: list[str], index: list[Any]) -> str:
    if name in index:
        return f": '{name}' is in the table's index; write the file after reset_index()"
    told = written_otherwise(columns)
    if told:
        return f": {told}"
    for one in columns:
        if one != name and one.strip() == name.strip():
            return f": there are spaces beside the name in {one!r}; `--delimiter ', '` reads a file with spaces after the commas"
    for one in columns:
        if one.casefold() == name.casefold():
            return f": '{one}' is written otherwise"
    return ""
