"""An ONNX model that is open: one run of its graph answers the rows of a call."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.classes import class_name
from vitals.bundle.model_card import OnnxOutput
from vitals.errors import ModelMismatch
from vitals.estimators.known_column import KnownColumn
from vitals.model_formats.onnx_inputs import OnnxInputs
from vitals.model_io.inputs import Container, Inputs, Row
from vitals.model_io.output import ModelOutput

_FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")
_LABELS = ("tensor(int64)", "tensor(int32)", "tensor(string)", "tensor(bool)")


class OnnxModel:
    """A classifier or a regressor of one value; `output` says which outputs are asked for, and what they mean.

    Where `output` is not given, the outputs' types decide, as long as they leave no choice; `vitals profile` finds out by
    the graph and the reference data, and tells it with `settle`. `classes` are known where a ZipMap names them, or by `settle`.
    """

    container: Container = "array"
    notes: tuple[str, ...] = ()

    def __init__(self, session: Any, path: Path, output: OnnxOutput | None = None, *, runtime: str = "ONNX Runtime") -> None:
        """`session` is ONNX Runtime's. Raises ModelMismatch where its inputs or outputs can't be served."""
        self._session = session
        self.path = path
        self.runtime = runtime
        self._inputs = OnnxInputs(session.get_inputs(), path)
        self.width, self.columns = self._inputs.width, self._inputs.columns
        self.outputs: dict[str, str] = {str(one.name): str(one.type) for one in session.get_outputs()}
        self.classes: tuple[str, ...] | None = None
        self._names = _ClassNames()
        self._values: Callable[[dict[Any, float]], tuple[float, ...]] | None = None
        self._take(output or _by_types(self.outputs))
        if self._output is not None and self._output.kind == "map":
            self._learn_keys()

    @property
    def output(self) -> OnnxOutput | None:
        """What the outputs mean; None where it is not known yet."""
        return self._output

    @property
    def task(self) -> Literal["classification", "regression"]:
        """What it predicts. Raises ModelMismatch where that is not known."""
        return "regression" if self._known().kind == "value" else "classification"

    @property
    def one_by_one(self) -> bool:
        """Whether the graph is asked about one row a call, since it takes no more."""
        return self._one_by_one

    @property
    def made_with(self) -> str:
        """The library that exported it and its version, where the file names them and the package onnx is there to read it."""
        try:
            import onnx
        except ImportError:
            return str(self._session.get_modelmeta().producer_name or "ONNX")
        model = onnx.load_model(str(self.path), load_external_data=False)
        version = (
            model.producer_version if re.fullmatch(r"\d[\w.+-]{0,40}", model.producer_version) else ""
        )  # CatBoost tells its commit
        return f"{model.producer_name[:100]} {version}".strip() or "ONNX"

    @property
    def raw_classes(self) -> tuple[Any, ...] | None:
        """What its labels look like: of a graph that names them by texts, texts; None where that is not known."""
        return ("text",) if any(kind == "tensor(string)" for kind in self.outputs.values()) else None

    def known_columns(self, names: Sequence[str]) -> dict[str, KnownColumn]:
        """Which of its features are text."""
        kinds = zip(names, self.dtypes(len(names)), strict=False)
        return {name: KnownColumn(dtype="object") for name, kind in kinds if kind == "object"}

    def dtypes(self, features: int) -> tuple[str, ...]:
        """The type that each of `features` features is given in, as numpy names it: float32, int64, bool, object (text), …"""
        return self._inputs.dtypes(features)

    def settle(self, output: OnnxOutput, classes: Sequence[str] | None) -> None:
        """Take the outputs as `output` says from now on, with `classes` in the order of the probabilities."""
        self._take(output)
        self.classes = None if classes is None else tuple(classes)

    def ask(self, inputs: Inputs, rows: Sequence[Row]) -> ModelOutput:
        """The model's answers for `rows`. Raises ValueError where a row has a value that an input can't take."""
        found = self._run(self._asked, inputs, rows)
        answer = found[-1]
        if self._kind == "value":
            return ModelOutput(values=np.asarray(answer, dtype=np.float64).reshape(len(rows)))
        if self._kind == "probabilities":
            probabilities: NDArray[Any] = answer if answer.ndim == 2 else answer.reshape(len(rows), -1)
        elif self._kind == "sigmoid":
            second = answer.reshape(len(rows))
            probabilities = np.stack((1 - second, second), axis=1)
        else:
            values = self._values or self._keys_are(answer[0])
            probabilities = np.array([values(one) for one in answer])
        if len(found) == 1:
            return ModelOutput(probabilities=probabilities)
        names = self._names
        return ModelOutput(probabilities=probabilities, labels=[names[one] for one in found[0].reshape(len(rows)).tolist()])

    def answers(self, inputs: Inputs, rows: Sequence[Row], *, one_by_one: bool = False) -> dict[str, Any]:
        """Every output's values for `rows`, by its name: how one finds out what they mean."""
        names = list(self.outputs)
        return dict(zip(names, self._run(names, inputs, rows, one_by_one=one_by_one), strict=True))

    def _run(self, names: list[str], inputs: Inputs, rows: Sequence[Row], *, one_by_one: bool = False) -> list[Any]:
        if len(rows) == 1 or not (self._one_by_one or one_by_one):
            found: list[Any] = self._session.run(names, self._inputs.tensors(inputs, rows))
            return found
        each = [self._session.run(names, self._inputs.tensors(inputs, [row])) for row in rows]
        return [_joined(values) for values in zip(*each, strict=True)]

    def _take(self, output: OnnxOutput | None) -> None:
        self._output = output
        self._one_by_one = self._inputs.one_by_one or (output is not None and output.one_by_one)
        if output is None:
            return
        self._kind = output.kind
        self._asked = [output.answer] if output.label is None else [output.label, output.answer]
        unknown = [name for name in self._asked if name not in self.outputs]
        if unknown:
            raise ModelMismatch(
                f"{self.path} has no output {unknown[0]}, which its facts name; it gives {', '.join(self.outputs)}: "
                "make the folder again with `vitals profile`."
            )

    def _known(self) -> OnnxOutput:
        if self._output is None:
            told = ", ".join(f"{name} ({kind})" for name, kind in self.outputs.items())
            raise ModelMismatch(
                f"{self.path} gives {told}; a classifier has to give a label and the probabilities of all classes, "
                "a regressor one number."
            )
        return self._output

    def _learn_keys(self) -> None:
        """The classes of a ZipMap are seen in an answer only: ask about a row of zeros, which may be none that it can answer."""
        try:
            [found] = self._session.run([self._asked[-1]], self._inputs.zeros())
        except Exception:  # the classes are then taken from the first answer
            return
        self._keys_are(found[0])

    def _keys_are(self, one: dict[Any, float]) -> Callable[[dict[Any, float]], tuple[float, ...]]:
        keys = tuple(one)
        self._values = itemgetter(*keys) if len(keys) > 1 else lambda found: (found[keys[0]],)
        self.classes = tuple(class_name(key) for key in keys)
        return self._values


class _ClassNames(dict[Any, str]):
    """The names of the labels that a graph gives, each made once."""

    def __missing__(self, label: Any) -> str:
        name = self[label] = class_name(label)
        return name


def _by_types(outputs: dict[str, str]) -> OnnxOutput | None:
    """What outputs of these types can only mean; None where there is a choice, or nothing that can be served."""
    label = next((name for name, kind in outputs.items() if kind in _LABELS), None)
    floats = [name for name, kind in outputs.items() if kind in _FLOATS]
    maps = [name for name, kind in outputs.items() if kind.startswith("seq(map(")]
    if label is None:
        return OnnxOutput(kind="value", answer=floats[0]) if len(floats) == 1 else None
    if len(maps) == 1:
        return OnnxOutput(kind="map", answer=maps[0], label=label)
    return OnnxOutput(kind="probabilities", answer=floats[0], label=label) if len(floats) == 1 else None


def _joined(values: Sequence[Any]) -> Any:
    """The answers for single rows as one for all."""
    if isinstance(values[0], list):
        return [one for some in values for one in some]
    return np.concatenate([np.atleast_1d(one) for one in values])
