"""The rows that scenarios send: those that the served model was not made from, as JSON values with their true labels."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitals.bundle.bins import Value
from vitals.bundle.model_card import HELD_OUT_FILE
from vitals.bundle.schema import Feature, Profile
from vitals.errors import ModelMismatch, ModelMissing

Label = float | str

_YES, _NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


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
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [
            name for name in [*(one.name for one in profile.features), profile.target] if name not in (reader.fieldnames or [])
        ]
        if missing:
            raise ModelMismatch(f"{path} has no column {missing[0]!r}, which the profile names.")
        rows = [_row(path, number, cells, profile) for number, cells in enumerate(reader, start=2)]
    if not rows:
        raise ModelMissing(f"{path} has no row: scenarios have nothing to send.")
    return rows


def shuffled_turns(rows: Sequence[HeldOutRow], seed: int) -> Iterator[HeldOutRow]:
    """Without end: each row in turn, in an order that is drawn anew for each turn, so that the proportions are kept."""
    order = random.Random(seed)  # noqa: S311 - traffic, not a secret
    while True:
        yield from order.sample(rows, len(rows))


def _row(path: Path, line: int, cells: dict[str, str], profile: Profile) -> HeldOutRow:
    name = profile.target
    try:
        label = cells[name] if profile.task == "classification" else float(cells[name])
        features = {}
        for feature in profile.features:
            name = feature.name
            features[name] = _value(feature, cells[name])
    except (TypeError, ValueError):
        raise ModelMismatch(f"{path}, line {line}: {cells[name]!r} is not a value of the column {name!r}.") from None
    return HeldOutRow(features, label)


def _value(feature: Feature, cell: str) -> Value:
    """As JSON has it; an empty cell is missing."""
    if cell == "":
        return None
    if feature.kind == "numeric":
        number = float(cell)
        return int(number) if feature.integer and number.is_integer() else number
    if feature.kind == "boolean":
        if cell.lower() not in _YES + _NO:
            raise ValueError(cell)
        return cell.lower() in _YES
    return next((category for category in feature.categories if str(category) == cell), cell)
