"""Models in the ONNX format, run by ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitals.errors import ModelMismatch
from vitals.model.inputs import Inputs, Row
from vitals.model.output import ModelOutput
from vitals.profile.classes import class_name

_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


def read_onnx(path: Path) -> OnnxModel:
    """Open the model in `path`. Raises ModelMismatch where it can't be read, or ONNX Runtime is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise ModelMismatch(f"{path} is an ONNX model, and ONNX Runtime is not installed: pip install 'vitals[onnx]'.") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a service scales by processes; threads that spin would take their cores
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        # From bytes, so that the model can't name other files as part of it.
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as wrong:  # ONNX Runtime's errors share no base but Exception
        raise ModelMismatch(f"{path} can't be loaded as an ONNX model ({wrong}).") from wrong
    return OnnxModel(session, path)


class OnnxModel:
    """A classifier (labels, and probabilities as a tensor or as a ZipMap) or a regressor (one tensor of floats).

    It takes one tensor of numbers for all features, or one input a feature, as skl2onnx makes them.
    """

    def __init__(self, session: Any, path: Path) -> None:
        self._session = session
        self.notes: tuple[str, ...] = ()
        self._given = session.get_inputs()
        for one in self._given:
            if one.type not in _TYPES:
                raise ModelMismatch(
                    f"{path} has the input {one.name} of the type {one.type}, which is not one that can be served."
                )
        self._together = len(self._given) == 1 and self._given[0].type != "tensor(string)"
        if self._together:
            wide = self._given[0].shape[-1] if len(self._given[0].shape) == 2 else None
            self.width = wide if isinstance(wide, int) else None
            self.columns = None
        else:
            self.width = len(self._given)
            self.columns = tuple(str(one.name) for one in self._given)
        outputs = session.get_outputs()
        self._label = next((one.name for one in outputs if one.type in ("tensor(int64)", "tensor(string)")), None)
        self.task: Literal["classification", "regression"] = "regression" if self._label is None else "classification"
        self._answer, self._zipped = _answer_of(outputs, self._label, path)
        self._keys: tuple[Any, ...] | None = None
        if self._zipped:
            self._learn_keys()
        self.made_with = str(getattr(session.get_modelmeta(), "producer_name", "") or "ONNX")

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes where the probabilities come with them (ZipMap); a plain tensor does not say."""
        return None if self._keys is None else tuple(class_name(key) for key in self._keys)

    def ask(self, inputs: Inputs, rows: Sequence[Row]) -> ModelOutput:
        """The model's answers for `rows`. Raises ValueError where a row has a value that an input can't take."""
        feed = self._feed(inputs, rows)
        if self.task == "regression":
            [found] = self._session.run([self._answer], feed)
            return ModelOutput(values=np.asarray(found, dtype=np.float64).reshape(len(rows)))
        labels, found = self._session.run([self._label, self._answer], feed)
        if self._zipped:
            keys = self._keys or tuple(found[0])
            probabilities = np.array([[one[key] for key in keys] for one in found])
        else:
            probabilities = np.asarray(found).reshape(len(rows), -1)
        return ModelOutput(probabilities=probabilities, labels=[class_name(one) for one in np.asarray(labels).ravel().tolist()])

    def _feed(self, inputs: Inputs, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        if self._together:
            [only] = self._given
            return {only.name: _as(only, inputs.numbers(rows))}
        return {
            one.name: _as(one, column).reshape(len(rows), 1)
            for one, column in zip(self._given, inputs.columns(rows), strict=True)
        }

    def _learn_keys(self) -> None:
        """The classes of a ZipMap are seen in an answer only: ask about a row of zeros, which may be none that it can answer."""
        feed = {
            one.name: np.full((1, (self.width or 1) if self._together else 1), "" if one.type == "tensor(string)" else 0).astype(
                _TYPES[one.type]
            )
            for one in self._given
        }
        try:
            [found] = self._session.run([self._answer], feed)
        except Exception:  # the classes are then taken from the reference data or the profile
            return
        self._keys = tuple(found[0])


def _answer_of(outputs: Sequence[Any], label: str | None, path: Path) -> tuple[str, bool]:
    """The output to ask for, and whether it is a ZipMap: a map from class to probability for each row."""
    floats = [one for one in outputs if one.type in ("tensor(float)", "tensor(double)")]
    maps = [one for one in outputs if one.type.startswith("seq(map(")]
    if label is None and len(floats) == 1:
        return str(floats[0].name), False
    if label is not None and len(maps) == 1:
        return str(maps[0].name), True
    if label is not None and len(floats) == 1:
        return str(floats[0].name), False
    told = ", ".join(f"{one.name} ({one.type})" for one in outputs)
    raise ModelMismatch(
        f"{path} gives {told}; a classifier has to give a label and the probabilities of all classes, a regressor one number."
    )


def _as(given: Any, values: NDArray[Any]) -> NDArray[Any]:
    """`values` as the type of the input. Raises ValueError where a missing value has no place in it."""
    if given.type not in ("tensor(float)", "tensor(double)"):
        missing = values != values
        if missing.any():
            raise ValueError(f"the input {given.name} takes no missing values")
    return values.astype(_TYPES[given.type])
