"""What an ONNX model gives for the reference's rows, as evidence of what its outputs mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.classes import class_name
from vitals.bundle.schema import Feature
from vitals.errors import ModelMismatch
from vitals.model_formats.onnx_format import OnnxModel
from vitals.model_io.inputs import Inputs, Row
from vitals.profiling.onnx_outputs.operators import Ending, endings
from vitals.profiling.statistics.evaluation import not_answered

_ROWS_A_CALL = 1000
_ROWS_ALONE = 50
SUM_TOLERANCE = 1e-4
HALF_TOLERANCE = 1e-2
"""How far probabilities may be from [0, 1], and their sum from 1; the second for 16-bit floats."""


@dataclass(frozen=True)
class Numbers:
    """An output of floats: `values` has the shape (rows, width). `classes` are a ZipMap's, in the order of the columns."""

    name: str
    values: NDArray[np.float64]
    ending: Ending
    tolerance: float
    classes: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """How many numbers it gives for a row."""
        return int(self.values.shape[1])

    @property
    def within(self) -> bool:
        """Whether every value is in [0, 1]."""
        return bool((self.values >= -self.tolerance).all() and (self.values <= 1 + self.tolerance).all())

    @property
    def probabilities(self) -> bool:
        """Whether each row has the probabilities of two classes or more."""
        return self.width > 1 and self.within and self._sum_to_one(self.values)

    @property
    def logarithms(self) -> bool:
        """Whether each row has the logarithms of such probabilities."""
        return self.width > 1 and bool((self.values <= self.tolerance).all()) and self._sum_to_one(np.exp(self.values))

    @property
    def span(self) -> str:
        """Its smallest and its largest value, in words."""
        return f"from {self.values.min():.4g} to {self.values.max():.4g}"

    def _sum_to_one(self, values: NDArray[np.float64]) -> bool:
        return bool((np.abs(values.sum(axis=1) - 1) <= self.tolerance).all())


@dataclass(frozen=True)
class Labels:
    """An output that names one class a row."""

    name: str
    kind: str
    values: list[str]


@dataclass(frozen=True)
class Evidence:
    """What the graph gave for all rows of the reference.

    `several_labels` are outputs with several labels a row, each 0 or 1; `told` names every output with its type, for sentences.
    """

    path: Path
    numbers: list[Numbers]
    labels: list[Labels]
    several_labels: list[str]
    told: str
    one_by_one: bool


def evidence_of(model: OnnxModel, features: Sequence[Feature], rows: Sequence[Row]) -> Evidence:
    """Ask `model` about all `rows`, which have these `features`.

    Raises DataError where it can't answer them, ModelMismatch where a row's answer depends on the rows beside it.
    """
    inputs = Inputs(features)
    one_by_one = model.one_by_one
    try:
        found = _asked(model, inputs, rows, one_by_one)
    except Exception as wrong:  # whatever ONNX Runtime raises for rows that it can't take
        try:  # a graph may have one row's shape inside it, though its input says otherwise
            model.answers(inputs, rows[:1])
            found = _asked(model, inputs, rows, True)
        except Exception:  # then the rows are what it can't take
            raise not_answered(lambda some: model.answers(inputs, some), features, rows, wrong) from wrong
        one_by_one = True
    if not one_by_one:
        _each_for_itself(model, inputs, rows, found)
    behind = endings(model.path)
    numbers, labels, several = [], [], []
    for name, kind in model.outputs.items():
        values = found[name]
        if kind.startswith("seq(map("):
            keys = tuple(values[0])
            table = np.array([[one[key] for key in keys] for one in values], dtype=np.float64)
            numbers.append(Numbers(name, table, behind[name], SUM_TOLERANCE, tuple(class_name(key) for key in keys)))
        elif not isinstance(values, np.ndarray) or values.shape[:1] != (len(rows),):
            continue
        elif kind in ("tensor(float)", "tensor(double)", "tensor(float16)"):
            tolerance = HALF_TOLERANCE if kind == "tensor(float16)" else SUM_TOLERANCE
            numbers.append(Numbers(name, values.reshape(len(rows), -1).astype(np.float64), behind[name], tolerance))
        elif kind in ("tensor(int64)", "tensor(int32)", "tensor(string)", "tensor(bool)"):
            if values.size == len(rows):
                labels.append(Labels(name, kind, [class_name(one) for one in values.ravel().tolist()]))
            elif kind != "tensor(string)" and np.isin(values, (0, 1)).all():
                several.append(name)
    for one in numbers:
        if not np.isfinite(one.values).all():
            unknown = ValueError("the model gave a value that is no number")
            raise not_answered(_finite(model, inputs, one.name), features, rows, unknown)
    told = ", ".join(f"{name} ({kind})" for name, kind in model.outputs.items())
    return Evidence(model.path, numbers, labels, several, told, one_by_one)


def _asked(model: OnnxModel, inputs: Inputs, rows: Sequence[Row], one_by_one: bool) -> dict[str, Any]:
    parts = [
        model.answers(inputs, rows[first : first + _ROWS_A_CALL], one_by_one=one_by_one)
        for first in range(0, len(rows), _ROWS_A_CALL)
    ]
    if len(parts) == 1:
        return parts[0]
    made: dict[str, Any] = {}
    for name in model.outputs:
        values = [part[name] for part in parts]
        lists = isinstance(values[0], list)
        made[name] = [one for some in values for one in some] if lists else np.concatenate([np.atleast_1d(one) for one in values])
    return made


def _each_for_itself(model: OnnxModel, inputs: Inputs, rows: Sequence[Row], found: dict[str, Any]) -> None:
    step = max(1, len(rows) // _ROWS_ALONE)
    for index in range(0, len(rows), step):
        alone = model.answers(inputs, [rows[index]])
        for name, value in alone.items():
            beside = found[name]
            if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or beside.shape[:1] != (len(rows),):
                continue
            rounding = 1e-5 * max(1.0, float(np.abs(beside[index]).max(initial=0)))
            if not np.allclose(value[0], beside[index], rtol=1e-4, atol=rounding, equal_nan=True):
                raise ModelMismatch(
                    f"{model.path} gives another answer for a row alone than beside other rows (its output {name}): export it "
                    "for inference, and let no operator work across the rows (PyTorch: model.eval(); Softmax over the last axis)."
                )


def _finite(model: OnnxModel, inputs: Inputs, name: str) -> Any:
    def answer(rows: Sequence[Row]) -> None:
        found = model.answers(inputs, rows)[name]
        values = [list(one.values()) for one in found] if isinstance(found, list) else found
        if not np.isfinite(np.asarray(values, dtype=np.float64)).all():
            raise ValueError("the model gave a value that is no number")

    return answer
