"""Rows of requests as models take them: an array or a DataFrame, of the types that the profile says.

A row's input never depends on the rows beside it: each column's type is the profile's. The one exception is a value that has no
place in its column, such as a gap among whole numbers: pandas then reads another type, and so does `groups`, for such rows alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.bins import Value
from vitals.bundle.schema import Feature

if TYPE_CHECKING:
    import pandas

Row = Sequence[Value]
"""One row: values in the order of the profile's features; None where a value is missing."""

Container = Literal["array", "frame"]
"""What the model is given: a NumPy array, or a pandas DataFrame whose columns are the features."""

Loose = tuple[int, ...]
"""Columns of a row whose value has no place in the column's type."""


class Inputs:
    """Makes a model's input from rows in the order of `features`."""

    def __init__(self, features: Sequence[Feature], container: Container = "frame") -> None:
        self.features = tuple(features)
        self.container = container
        self._dtypes = tuple(dtype_of(feature) for feature in features)
        self._plain = container == "array" and all(dtype.startswith("float") for dtype in self._dtypes)
        self._one_dtype = self._dtypes[0] if len(set(self._dtypes)) == 1 else None
        self._strict = tuple((index, _fits(dtype)) for index, dtype in enumerate(self._dtypes) if _is_strict(dtype))
        self._names: Any = None

    def groups(self, rows: Sequence[Row]) -> list[tuple[Sequence[int] | None, Any]]:
        """The model's input for `rows`, in one part or, where some rows have values that their columns' types do not hold, more.

        Each part: the indices of its rows (None: all, in their order), and an array or DataFrame with a row for each.
        """
        if not self._strict:
            return [(None, self._made(rows, ()))]
        by_loose: dict[Loose, list[int]] = {}
        for position, row in enumerate(rows):
            by_loose.setdefault(tuple(index for index, fits in self._strict if not fits(row[index])), []).append(position)
        if len(by_loose) == 1:
            return [(None, self._made(rows, loose)) for loose in by_loose]
        return [(at, self._made([rows[index] for index in at], loose)) for loose, at in by_loose.items()]

    def numbers(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Shape (rows, features). Raises ValueError where a value is text."""
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.features))

    def _made(self, rows: Sequence[Row], loose: Loose) -> Any:
        return self._array(rows, loose) if self.container == "array" else self._frame(rows, loose)

    def _array(self, rows: Sequence[Row], loose: Loose) -> NDArray[Any]:
        """Shape (rows, features): of the type that `DataFrame.to_numpy()` would give it."""
        if self._plain:
            return np.array(rows, dtype=self._one_dtype or np.float64).reshape(len(rows), len(self.features))
        dtype = _common(self._loosened(loose))
        if dtype != np.object_:
            return np.array(rows, dtype=dtype).reshape(len(rows), len(self.features))
        made = np.empty((len(rows), len(self.features)), dtype=object)
        for index, column in enumerate(self._typed(rows, loose)):
            made[:, index] = np.asarray(column, dtype=object)
        return made

    def _frame(self, rows: Sequence[Row], loose: Loose) -> pandas.DataFrame:
        import pandas as pd  # half a second to import, and models that take arrays don't need it

        if self._names is None:
            self._names = pd.Index([feature.name for feature in self.features], dtype=object)
        if self._one_dtype in ("float64", "float32"):
            numbers = np.array(rows, dtype=self._one_dtype).reshape(len(rows), len(self.features))
            return pd.DataFrame(numbers, columns=self._names, copy=False)
        frame = pd.DataFrame(dict(enumerate(self._typed(rows, loose))), copy=False)
        frame.columns = self._names
        return frame

    def _loosened(self, loose: Loose) -> list[str]:
        return [
            dtype if index not in loose else "object" if dtype == "bool" else "float64"
            for index, dtype in enumerate(self._dtypes)
        ]

    def _typed(self, rows: Sequence[Row], loose: Loose) -> Iterator[Any]:
        """One column for each feature, of its type."""
        columns: Any = zip(*rows, strict=True)
        for feature, dtype, values in zip(self.features, self._loosened(loose), columns, strict=True):
            yield _column_of(feature, dtype, values)


def dtype_of(feature: Feature) -> str:
    """The pandas type of a feature's column; for a profile of before, what its kind says."""
    if feature.dtype:
        return feature.dtype
    if feature.kind == "numeric":
        return "float64"
    if feature.kind == "boolean":
        return "object" if feature.missing_share > 0 else "bool"
    if is_text(feature):
        return "object"
    return "float64" if feature.missing_share > 0 else "int64"


def is_text(feature: Feature) -> bool:
    """Whether its values are texts."""
    return feature.kind == "categorical" and any(isinstance(category, str) for category in feature.categories)


def _column_of(feature: Feature, dtype: str, values: Sequence[Value]) -> Any:
    if dtype[0] in "fiub" and dtype != "boolean":  # float64, int64, uint8, bool: NumPy's own
        return np.array(values, dtype=dtype)
    if dtype == "object":
        made = np.empty(len(values), dtype=object)
        gap = math.nan if feature.gap == "nan" else None
        made[:] = [gap if value is None else value for value in values]
        return made
    import pandas as pd

    if dtype == "category":
        return pd.Categorical(list(values), dtype=pd.CategoricalDtype(list(feature.levels), ordered=feature.ordered))
    return pd.array(list(values), dtype=dtype)  # type: ignore[call-overload]  # the name is pandas' own, from the reference


def _is_strict(dtype: str) -> bool:
    """Whether the type leaves values out: whole numbers have no fractions, and NumPy's types have no gaps."""
    return dtype == "bool" or dtype.lower().startswith(("int", "uint"))


def _fits(dtype: str) -> Any:
    if dtype == "bool":
        return lambda value: value is not None
    limits = np.iinfo(dtype.lower().partition("[")[0])
    low, high = int(limits.min), int(limits.max)
    gaps = not dtype.startswith(("int", "uint")) or "[" in dtype

    def fits(value: Any) -> bool:
        if value is None:
            return gaps
        return bool(low <= value <= high and value == int(value))

    return fits


def _common(dtypes: Sequence[str]) -> Any:
    """The type of an array of such columns, as `DataFrame.to_numpy()` chooses it: true and false beside numbers make objects."""
    kinds = {np.dtype(dtype).kind if dtype[0] in "fiubo" and dtype != "boolean" else "O" for dtype in dtypes}
    if "O" in kinds or ("b" in kinds and len(kinds) > 1):
        return np.dtype(object)
    return np.result_type(*dtypes)
