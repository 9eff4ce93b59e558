"""Rows of requests as the tensors that an ONNX model takes: its inputs' types decide, and nothing is rounded or cut."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.errors import ModelMismatch
from vitals.model_io.inputs import Inputs, Row

_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    **{f"tensor({name})": np.dtype(name).type for name in ("int8", "int16", "int32", "int64")},
    **{f"tensor({name})": np.dtype(name).type for name in ("uint8", "uint16", "uint32", "uint64")},
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class OnnxInputs:
    """Makes the tensors for rows: one tensor of one type for all features, or one input a feature, as skl2onnx makes them.

    `width` is the number of features, where the model says it; `columns` their names, where each has its input.
    `one_by_one` says that the first dimension is fixed to 1, so that the model answers one row a call.
    """

    def __init__(self, given: Sequence[Any], path: Path) -> None:
        """Raises ModelMismatch where no row of a table fits the inputs `given`; `path` is for the sentence."""
        for one in given:
            if one.type not in _TYPES:
                raise ModelMismatch(
                    f"{path} has the input {one.name} of the type {one.type}, which is not one that can be served: "
                    "it has to be a tensor of numbers, of true and false, or of text."
                )
        if not given:
            raise ModelMismatch(f"{path} has no input: it answers every row alike, so there is nothing to serve.")
        self._types = [np.dtype(_TYPES[one.type]) for one in given]
        self._names = [str(one.name) for one in given]
        self.one_by_one = _one_by_one(given, path)
        text = given[0].type == "tensor(string)"
        shapes = [list(one.shape) for one in given]
        self._flat = [len(shape) == 1 for shape in shapes]
        self._together = len(given) == 1 and not (text and shapes[0][1:] == [1])
        self.columns: tuple[str, ...] | None = None
        self.width: int | None
        if self._together:
            wide = 1 if self._flat[0] else shapes[0][-1] if shapes[0] else None
            self.width = wide if isinstance(wide, int) else None
            return
        for one, shape in zip(given, shapes, strict=True):
            if len(shape) == 2 and isinstance(shape[1], int) and shape[1] != 1:
                raise ModelMismatch(
                    f"{path} has several inputs, and {one.name} takes {shape[1]} columns: "
                    "export it with one input a column, or with one tensor for all columns."
                )
        self.width = len(given)
        self.columns = tuple(self._names)

    def dtypes(self, features: int) -> tuple[str, ...]:
        """The type that each of `features` features is given in, as numpy names it: float32, int64, bool, object (text), …"""
        types = self._types * features if self._together else self._types
        return tuple(one.name for one in types)

    def tensors(self, inputs: Inputs, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        """The model's input for `rows`. Raises ValueError where a value has no place in its input's type."""
        if self._together:
            name, kind = self._names[0], self._types[0]
            if kind.kind == "f":
                table = _floats(name, inputs.numbers(rows), kind)
            else:
                table = _tensor(name, [value for row in rows for value in row], kind).reshape(len(rows), len(inputs.features))
            return {name: table.reshape(len(rows)) if self._flat[0] else table}
        made = {}
        for name, kind, flat, values in zip(self._names, self._types, self._flat, zip(*rows, strict=True), strict=True):
            column = _tensor(name, values, kind)
            made[name] = column if flat else column.reshape(-1, 1)
        return made

    def zeros(self) -> dict[str, NDArray[Any]]:
        """One row of zeros and empty texts."""
        wide = (self.width or 1) if self._together else 1
        return {
            name: np.full(1 if flat else (1, wide), "" if kind.kind == "O" else 0).astype(kind)
            for name, kind, flat in zip(self._names, self._types, self._flat, strict=True)
        }


def _one_by_one(given: Sequence[Any], path: Path) -> bool:
    fixed = []
    for one in given:
        shape = list(one.shape)
        told = f"[{', '.join(str(length) if isinstance(length, int) else 'n' for length in shape)}]"
        if len(shape) > 2:
            raise ModelMismatch(
                f"{path} has the input {one.name} of the shape {told}, as images or sequences have it: "
                "what is served are rows of a table, of the shape [n, features]."
            )
        if shape and isinstance(shape[0], int):
            if len(shape) == 1 and len(given) == 1 and shape[0] != 1:
                raise ModelMismatch(
                    f"{path} has the input {one.name} of the shape {told}, without a dimension for rows: "
                    f"export it with the shape [n, {shape[0]}]."
                )
            if shape[0] != 1:
                raise ModelMismatch(
                    f"{path} takes exactly {shape[0]} rows a call (the shape {told} of its input {one.name}), and requests have "
                    "any number of rows: export it with a free first dimension (skl2onnx: [None, …]; PyTorch: dynamic_axes or "
                    "dynamic_shapes)."
                )
            fixed.append(True)
    return bool(fixed)


def _tensor(name: str, values: Sequence[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """`values` in one dimension."""
    if kind.kind == "f":
        return _floats(name, np.array(values, dtype=np.float64), kind)
    if kind.kind in "iu":
        return _whole_numbers(name, values, kind)
    if kind.kind == "b":
        return _booleans(name, values)
    return _texts(name, values)


def _floats(name: str, numbers: NDArray[np.float64], kind: np.dtype[Any]) -> NDArray[Any]:
    """float64 as the model's type, rounded to its nearest number, as ONNX Runtime's users do it."""
    if kind == np.float64:
        return numbers
    if kind == np.float32:
        return numbers.astype(np.float32)
    with np.errstate(over="ignore"):
        made = numbers.astype(kind)
    if (np.isinf(made) & np.isfinite(numbers)).any():
        raise ValueError(f"the input {name} is of the type {kind.name}, whose largest number is {np.finfo(kind).max}")
    return made


def _whole_numbers(name: str, values: Sequence[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Exact beyond 2^53, too: never by way of floats. Raises ValueError for gaps, fractions, and what the type can't hold."""
    made = np.asarray(values)
    if made.dtype.kind not in "bi":  # floats, gaps, or numbers beyond int64 are among them
        made = np.array([_whole(name, value) for value in values], dtype=object)
    limits = np.iinfo(kind)
    if made.size and (made.min() < limits.min or made.max() > limits.max):
        raise ValueError(f"the input {name} takes whole numbers from {limits.min} to {limits.max}")
    return made.astype(kind)


def _whole(name: str, value: Any) -> int:
    if value is None or value != value:
        raise ValueError(f"the input {name} takes no missing values")
    if isinstance(value, str) or value in (np.inf, -np.inf) or int(value) != value:
        raise ValueError(f"the input {name} takes whole numbers only")
    return int(value)


def _booleans(name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
    for value in values:
        if value is None or value != value:
            raise ValueError(f"the input {name} takes no missing values")
        if isinstance(value, str) or value not in (0, 1):
            raise ValueError(f"the input {name} takes true and false only")
    return np.array(values, dtype=np.bool_)


def _texts(name: str, values: Sequence[Any]) -> NDArray[np.object_]:
    """Texts; whole numbers that name categories become text. An empty text is no gap, so gaps have no place here."""
    made = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        if isinstance(value, str):
            made[index] = value
        elif value is None or value != value:
            raise ValueError(f"the input {name} takes no missing values")
        elif isinstance(value, int | np.integer) and not isinstance(value, bool):
            made[index] = str(int(value))
        else:
            raise ValueError(f"the input {name} takes text only")
    return made
