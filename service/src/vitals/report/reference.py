"""What logged rows are compared with: a file that is named, the model's held-out rows, or the earlier half of the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitals.bundle.classes import class_name
from vitals.bundle.model_card import HELD_OUT_FILE
from vitals.bundle.schema import Profile
from vitals.bundle.tables import gap_marks, read_text
from vitals.errors import SettingsError, VitalsError
from vitals.report.rows import LoggedRow, Predicted, answer_of, value_of

Answer = Callable[[Sequence[Sequence[Any]]], Sequence[Predicted]]
"""Asks the model: rows in the order of the profile's features to as many predictions."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The reference's rows, the rows that are held against them, and a phrase for people that says what the reference is.

    `by_profile`: drift is measured from the profile itself, as in the alerts; the reference's rows are for pictures and quality.
    """

    reference: list[LoggedRow]
    current: list[LoggedRow]
    what: str
    by_profile: bool = False


def compared(rows: Sequence[LoggedRow], profile: Profile, folder: Path, named: Path | None, answer: Answer | None) -> Compared:
    """Choose the reference for `rows` (the oldest first).

    A profile has no rows, so they come from the file `named`, else from the folder's held-out rows, else from the rows' own
    earlier half: that one shows change within the time only. Rows of a file are given the model's answers, where it can be asked.
    Raises SettingsError where the file can't be read or lacks a column.
    """
    held_out = folder / HELD_OUT_FILE
    if named is not None:
        return Compared(answered(read_rows(named, profile), answer), list(rows), f"compared with the rows of {named}")
    if held_out.is_file():
        what = f"drift from the model's profile, as in the alerts; quality and pictures beside held-out rows ({held_out.name})"
        return Compared(answered(read_rows(held_out, profile), answer), list(rows), what, by_profile=True)
    half = len(rows) // 2
    what = "compared with the earlier half of the logged rows: what changed before them is not seen"
    return Compared(list(rows[:half]), list(rows[half:]), what)


def read_rows(path: Path, profile: Profile) -> list[LoggedRow]:
    """The rows of a csv or parquet file with the profile's features, and its target where there is one.

    Raises SettingsError with a sentence that names the file, and the column where one is missing.
    """
    import pandas as pd  # half a second to import

    try:
        # As text: the profile knows each column's kind better than a guess.
        frame = pd.read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else read_text(path)
    except ImportError:
        raise SettingsError(
            [f"{path} is parquet, which needs pyarrow: install vitals-otel[parquet], or give a csv file."]
        ) from None
    except (OSError, ValueError) as wrong:  # ValueError: what pandas and pyarrow raise for a file that is none of theirs
        raise SettingsError([f"{path} can't be read as {path.suffix or 'csv'} ({wrong}): give a csv or parquet file."]) from None
    absent = [feature.name for feature in profile.features if feature.name not in frame.columns]
    if absent:
        found = ", ".join(str(name) for name in frame.columns[:20])
        raise SettingsError([f"{path} has no column {absent[0]!r}, which the model's profile names; it has {found}."])
    columns = [
        [value_of(feature, cell) for cell in _cells(frame[feature.name], feature.categories)] for feature in profile.features
    ]
    labels: list[Predicted | None] = [None] * len(frame)
    if profile.target in frame.columns:
        labels = [_label_of(profile, cell) for cell in _cells(frame[profile.target], profile.classes)]
    return [LoggedRow(values, label=label) for values, label in zip(zip(*columns, strict=True), labels, strict=True)]


def answered(rows: list[LoggedRow], answer: Answer | None) -> list[LoggedRow]:
    """The rows with what the model answers for them; without answers where it can't be asked, or can't answer these rows."""
    if answer is None or not rows:
        return rows
    try:
        answers = answer([row.values for row in rows])
    except VitalsError:
        raise
    except Exception:  # whatever a model's library raises for rows that it can't take: the report does without
        return rows
    return [dataclasses.replace(row, predicted=predicted) for row, predicted in zip(rows, answers, strict=True)]


def _label_of(profile: Profile, cell: Any) -> Predicted | None:
    """As `answer_of`; classes that are truth values or whole numbers are also known as files write them: `True`, `1.0`."""
    label = answer_of(profile, cell)
    if not isinstance(label, str) or label in profile.classes:
        return label
    if label.lower() in ("true", "false"):
        return label.lower()
    try:
        return class_name(float(label))
    except ValueError:
        return label


def _cells(column: Any, categories: Iterable[Any]) -> list[Any]:
    """The cells of a column with these `categories`, None where pandas reads a gap."""
    marks = gap_marks(categories)
    return [
        None if missing or (isinstance(cell, str) and cell in marks) else cell
        for cell, missing in zip(column.tolist(), column.isna().tolist(), strict=True)
    ]
