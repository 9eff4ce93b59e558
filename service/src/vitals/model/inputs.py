"""Rows of requests as models take them: an array, or a DataFrame of the types that the reference data had."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitals.profile.document import Feature

if TYPE_CHECKING:
    import pandas

Value = float | int | bool | str | None
Row = Sequence[Value]
"""One row: values in the order of the profile's features; None where a value is missing."""


class Inputs:
    """Makes a model's input from rows in the order of `features`.

    A missing value becomes NaN, as pandas reads it from a CSV file; a missing text becomes `gap`, where one is given.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        self.only_numbers = all(feature.kind == "numeric" for feature in features)
        self._no_text = not any(_is_text(feature) for feature in features)
        self._names: Any = None

    def numbers(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Shape (rows, features). Raises ValueError where a value is text."""
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.features))

    def array(self, rows: Sequence[Row], gap: float | None = math.nan) -> NDArray[Any]:
        """Shape (rows, features): of floats, or of objects where a feature is text."""
        if self._no_text:
            return self.numbers(rows)
        made = np.empty((len(rows), len(self.features)), dtype=object)
        for index, row in enumerate(rows):
            made[index] = [gap if value is None else value for value in row]
        return made

    def frame(self, rows: Sequence[Row], gap: float | None = math.nan) -> pandas.DataFrame:
        """A DataFrame whose columns are the features."""
        import pandas as pd  # half a second to import, and models fitted on arrays don't need it

        if self._names is None:
            self._names = pd.Index([feature.name for feature in self.features], dtype=object)
        if self.only_numbers:
            return pd.DataFrame(self.numbers(rows), columns=self._names, copy=False)
        columns = dict(enumerate(self.columns(rows, gap)))
        frame = pd.DataFrame(columns, copy=False)
        frame.columns = self._names
        return frame

    def columns(self, rows: Sequence[Row], gap: float | None = math.nan) -> list[NDArray[Any]]:
        """One array for each feature: floats, whole numbers (categories), booleans, or objects (text, and booleans with gaps)."""
        return [_column(feature, values, gap) for feature, values in zip(self.features, zip(*rows, strict=True), strict=True)]


def _is_text(feature: Feature) -> bool:
    return feature.kind == "categorical" and any(isinstance(category, str) for category in feature.categories)


def _column(feature: Feature, values: Sequence[Value], gap: float | None) -> NDArray[Any]:
    if feature.kind == "numeric":
        return np.array(values, dtype=np.float64)
    gaps = feature.missing_share > 0 or any(value is None for value in values)
    if feature.kind == "boolean" and not gaps:
        return np.array(values, dtype=np.bool_)
    if feature.kind == "categorical" and not _is_text(feature):
        return np.array(values, dtype=np.float64 if gaps else np.int64)
    made = np.empty(len(values), dtype=object)
    made[:] = [gap if value is None else value for value in values]
    return made
