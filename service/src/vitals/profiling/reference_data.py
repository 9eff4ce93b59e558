"""Reference data as a model sees them: the table of its features, the same rows as requests have them, and the target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from vitals.bundle.classes import class_name
from vitals.bundle.schema import Feature
from vitals.errors import DataError
from vitals.estimators.known_column import KnownColumn
from vitals.model.artefact import Artefact
from vitals.model.served import Outcome
from vitals.model_io.inputs import Row
from vitals.profiling.reading.columns import Column, column_of
from vitals.profiling.reading.data_files import TableFile
from vitals.profiling.reading.names import check_features, with_text_names
from vitals.profiling.reading.table_columns import listed, no_such_column
from vitals.profiling.statistics.reference import feature_of

Table = TableFile | pd.DataFrame


@dataclass(frozen=True)
class Reference:
    """Reference data: `table` with the features and the target; which whole numbers are categories.

    `held_out` are rows that the model has not seen: what it predicts, and how well, is then measured on them.
    `outcomes` are honest answers for the rows of `table` (out of fold), where there are some: measured on them otherwise.
    `no_drift` names features whose drift is not watched.
    """

    table: Table
    target: str
    categorical: tuple[str, ...] = ()
    held_out: Table | None = None
    outcomes: Sequence[Outcome] | None = None
    no_drift: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """One table, read as the user's own reader gives it, with the types that the model has of its features.

    `table` has the features' columns, `columns` says of what kind they are, and `rows` are the same as requests have them;
    `whole` has all columns, `target_name` among them.
    """

    table: pd.DataFrame
    columns: tuple[Column, ...]
    rows: list[Row]
    whole: pd.DataFrame
    target_name: str

    def target(self, classes: bool) -> Column:
        """The column that the model predicts, as classes or as it is. Raises DataError."""
        return column_of(self.whole, self.target_name, categorical=classes)


def read_data(model: Artefact, reference: Reference) -> tuple[Data, Data | None]:
    """The reference and the held-out rows, where there are some. Raises DataError with a sentence that names the column."""
    names = feature_names(model, reference)
    check_features(names)
    known = model.known_columns(names)
    data = _data(model, reference, reference.table, names, known)
    if reference.held_out is None:
        return data, None
    kinds = {column.name: column for column in data.columns}
    held_out = _data(model, reference, reference.held_out, names, known, data)
    for column in held_out.columns:
        if column.kind != kinds[column.name].kind:
            raise DataError(
                f"Column '{column.name}' is {column.kind} in the held-out rows, and {kinds[column.name].kind} in the reference."
            )
    return data, held_out


def features_of(data: Data, watched: Collection[str]) -> tuple[Feature, ...]:
    """The profile of each feature, with the type of its column; what the model says of gaps has yet to be found out.

    watched: the names of those whose drift is.
    """
    return tuple(
        feature_of(column, max(1, len(watched)), drift=column.name in watched).model_copy(
            update={
                # Decimals and the like are objects to pandas, and numbers to every model.
                "dtype": "float64" if column.kind == "numeric" and column.dtype == "object" else column.dtype,
                "gap": column.gap,
                "levels": column.dtype_categories or (),
                "ordered": column.ordered,
            }
        )
        for column in data.columns
    )


def feature_names(model: Artefact, reference: Reference) -> tuple[str, ...]:
    """The model's features in its own order; the data's columns but the target where the model does not know their names."""
    columns = _names_of(reference.table)
    unknown = [name for name in reference.categorical if name not in columns]
    if unknown:
        told = f"There is no column '{unknown[0]}' in the data to take as categories"
        raise no_such_column(unknown[0], _frame_of(reference.table), told)
    if model.columns is not None:
        if reference.target in model.columns:
            raise DataError(f"Column '{reference.target}' is one of the model's features: it can't be the target, too.")
        lacking = [name for name in model.columns if name not in columns]
        if lacking:
            told = f"The model takes the feature '{lacking[0]}', and there is no such column in the data"
            raise no_such_column(lacking[0], _frame_of(reference.table), told)
        return model.columns
    names = tuple(name for name in columns if name != reference.target)
    if model.width not in (None, len(names)):
        raise DataError(
            f"The model takes {model.width} features and does not know their names; the data have {len(names)} columns beside "
            f"'{reference.target}' ({listed(names)}): keep those that it learned from, in that order."
        )
    return names


def labels_of(target: Column, classes: Sequence[str]) -> list[str]:
    """The true classes. Raises DataError where one is missing, or is none that the model knows."""
    check_whole(target)
    labels = [_spelt(value, classes) for value in target.values]
    strange = sorted(set(labels) - set(classes))
    if strange:
        raise DataError(
            f"Column '{target.name}' has the class '{strange[0]}', which the model does not know: "
            f"it knows {', '.join(classes[:20])}."
        )
    return labels


def _spelt(value: Any, classes: Sequence[str]) -> str:
    """A value's class: 0 and 1 are false and true where the model or the data write them so, as Python and NumPy compare them."""
    name = class_name(value)
    if name in classes:
        return name
    other = {"true": "1", "false": "0", "1": "true", "0": "false"}.get(name, name) if not isinstance(value, str) else name
    return other if other in classes else name


def numbers_of(target: Column) -> Any:
    """The true values, shape (rows,). Raises DataError where one is missing or is no number."""
    check_whole(target)
    if target.kind != "numeric":
        raise DataError(f"Column '{target.name}' is {target.kind}; the model predicts numbers.")
    return np.array(target.values, dtype=np.float64)


def check_whole(target: Column) -> None:
    """Raise DataError where the target has gaps."""
    gaps = len(target.values) - len(target.present)
    if gaps:
        raise DataError(f"Column '{target.name}', the target, has no value in {gaps} rows: remove these rows.")


def _data(
    model: Artefact,
    reference: Reference,
    table: Table,
    names: Sequence[str],
    known: Mapping[str, KnownColumn],
    like: Data | None = None,
) -> Data:
    """like: the reference, where `table` is of held-out rows: what is a category there is one here."""
    declared = set(reference.categorical) | {name for name, one in known.items() if one.is_text}
    if like is not None:
        declared |= {column.name for column in like.columns if column.kind == "categorical"}
    frame = table
    if isinstance(table, TableFile):
        frame = table.frame(
            known,
            target=reference.target,
            target_classes=model.raw_classes,
            categorical=declared,
            like=None if like is None else like.table,
        )
    assert isinstance(frame, pd.DataFrame)  # noqa: S101 - a TableFile was read
    frame = with_text_names(frame)
    if reference.target not in frame.columns:
        raise no_such_column(reference.target, frame)
    columns = tuple(column_of(frame, name, categorical=name in declared, known=known.get(name)) for name in names)
    rows: list[Row] = list(zip(*(column.values for column in columns), strict=True))
    return Data(frame[list(names)], columns, rows, frame, reference.target)


def _frame_of(table: Table) -> pd.DataFrame:
    return table.frame() if isinstance(table, TableFile) else table


def _names_of(table: Table) -> tuple[str, ...]:
    return tuple(table.columns if isinstance(table, TableFile) else with_text_names(table).columns)
