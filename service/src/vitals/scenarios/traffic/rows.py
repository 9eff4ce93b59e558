"""The rows that scenarios send: those that the served model was not made from, as JSON values with their true labels."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitals.bundle.bins import Value
from vitals.bundle.model_card import HELD_OUT_FILE
from vitals.bundle.schema import Feature, Profile
from vitals.bundle.tables import read_records, truth_of
from vitals.errors import ModelMismatch, ModelMissing

Label = float | str


@dataclass(frozen=True)
class HeldOutRow:
    """One row as a request has it, and what is true of it."""

    features: dict[str, Value]
    label: Label


def read_rows(folder: Path, profile: Profile) -> list[HeldOutRow]:
    """The held-out rows of a served model's folder, in the file's order.

    Raises ModelMissing where there are none, ModelMismatch with a sentence that names the column that does not fit.
    """
    path = folder / HELD_OUT_FILE
    if not path.is_file():
        raise ModelMissing(
            f"Scenarios send the rows of {HELD_OUT_FILE}, and {folder} has none: put rows there that the model "
            f"was not made from, with the columns of the profile and {profile.target!r}."
        )
    names, records = read_records(path)
    missing = [name for name in [*(one.name for one in profile.features), profile.target] if name not in names]
    if missing:
        raise ModelMismatch(f"{path} has no column {missing[0]!r}, which the profile names.")
    rows = [_row(path, number, cells, profile) for number, cells in enumerate(records, start=2)]
    if not rows:
        raise ModelMissing(f"{path} has no row: scenarios have nothing to send.")
    return rows


def shuffled_turns(rows: Sequence[HeldOutRow], seed: int) -> Iterator[HeldOutRow]:
    """Without end: each row in turn, in an order that is drawn anew for each turn, so that the proportions are kept."""
    order = random.Random(seed)  # noqa: S311 - traffic, not a secret
    while True:
        yield from order.sample(rows, len(rows))


def _row(path: Path, line: int, cells: dict[str, str | None], profile: Profile) -> HeldOutRow:
    name = profile.target
    try:
        label = _present(cells[name]) if profile.task == "classification" else float(_present(cells[name]))
        features = {}
        for feature in profile.features:
            name = feature.name
            features[name] = _value(feature, _present(cells[name]))
    except ValueError:
        cell = cells[name]
        wrong = "the row has no cell in" if cell is None else f"{cell!r} is not a value of"
        raise ModelMismatch(f"{path}, line {line}: {wrong} the column {name!r}.") from None
    return HeldOutRow(features, label)


def _present(cell: str | None) -> str:
    if cell is None:
        raise ValueError
    return cell


def _value(feature: Feature, cell: str) -> Value:
    """As JSON has it; an empty cell is missing."""
    if cell == "":
        return None
    if feature.kind == "numeric":
        number = float(cell)
        return int(number) if feature.integer and number.is_integer() else number
    if feature.kind == "boolean":
        if (truth := truth_of(cell)) is None:
            raise ValueError(cell)
        return truth
    return next((category for category in feature.categories if str(category) == cell), cell)
