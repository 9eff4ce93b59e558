"""Tensors of the Open Inference Protocol V2 in JSON: to rows of named values, and from answers.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vitals.api.answers import Answer
from vitals.api.rows import body_is
from vitals.errors import InvalidInput
from vitals.profile.document import Feature, Profile

TOGETHER = "features"
"""The name of one tensor [rows, features] in place of one a feature, where all features are numeric."""

_NUMBERS = frozenset({"FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})


def datatype_of(feature: Feature) -> str:
    """The protocol's name of a feature's type."""
    if feature.kind == "numeric":
        return "FP64"
    if feature.kind == "boolean":
        return "BOOL"
    return "INT64" if all(isinstance(category, int) for category in feature.categories) else "BYTES"


def inputs_of(profile: Profile) -> list[dict[str, Any]]:
    """The model's inputs as its metadata names them: one tensor a feature."""
    return [{"name": feature.name, "datatype": datatype_of(feature), "shape": [-1]} for feature in profile.features]


def outputs_of(profile: Profile) -> list[dict[str, Any]]:
    """The model's outputs as its metadata names them."""
    of_number = [("predict", "FP64", [-1])]
    of_class = [("predict", "BYTES", [-1]), ("confidence", "FP64", [-1]), ("probabilities", "FP64", [-1, len(profile.classes)])]
    named = [*(of_class if profile.classes else of_number), ("prediction_id", "BYTES", [-1])]
    return [{"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in named]


class TensorReader:
    """Reads the inputs of requests for one model."""

    def __init__(self, profile: Profile) -> None:
        self._features = {feature.name: feature for feature in profile.features}
        self._names = list(self._features)
        together = all(feature.kind == "numeric" for feature in profile.features)
        self._together = together and TOGETHER not in self._features

    def rows(self, given: object, *, most: int) -> list[dict[str, Any]]:
        """One object a row, as `instances` of POST /predict has them: what is in them is yet to be checked.

        Raises InvalidInput where the tensors are none, do not fit together, or have more than `most` rows.
        """
        if not isinstance(given, list) or not given:
            raise body_is("structure", "must be a list of tensors", "inputs")
        tensors = [_Tensor(one, f"inputs.{index}") for index, one in enumerate(given)]
        names = [tensor.name for tensor in tensors]
        if len(set(names)) < len(names):
            raise body_is("structure", "has two tensors of one name", "inputs")
        if len({tensor.rows for tensor in tensors}) > 1:
            raise body_is("structure", "has tensors of different lengths", "inputs")
        count = tensors[0].rows
        if count == 0:
            raise body_is("empty", "has no row", "inputs")
        if count > most:
            raise body_is("too_many_rows", f"has {count} rows; {most} are the limit", "inputs")
        if self._together and names == [TOGETHER]:
            return self._split(tensors[0])
        columns = {tensor.name: self._column(tensor) for tensor in tensors}
        return [{name: column[index] for name, column in columns.items()} for index in range(count)]

    def _split(self, tensor: _Tensor) -> list[dict[str, Any]]:
        width = len(self._names)
        if tensor.shape[1:] != [width] or tensor.datatype not in _NUMBERS:
            raise tensor.is_wrong(f"must be of the shape [rows, {width}], and of numbers")
        starts = range(0, len(tensor.data), width)
        return [dict(zip(self._names, tensor.data[start : start + width], strict=True)) for start in starts]

    def _column(self, tensor: _Tensor) -> list[Any]:
        if tensor.shape[1:] not in ([], [1]):
            raise tensor.is_wrong("must be of the shape [rows]")
        feature = self._features.get(tensor.name)
        if feature is None:
            return tensor.data  # told as an unknown feature, with its name, when the rows are checked
        expected = datatype_of(feature)
        if tensor.datatype != expected and not (expected == "FP64" and tensor.datatype in _NUMBERS):
            raise tensor.is_wrong(f"must be of the datatype {expected}")
        if expected == "BYTES" and any(isinstance(category, int) for category in feature.categories):
            by_text = {str(category): category for category in feature.categories}
            return [by_text.get(value, value) if isinstance(value, str) else value for value in tensor.data]
        return tensor.data


class _Tensor:
    """One input: its name, its shape, and its elements in row-major order."""

    def __init__(self, given: object, place: str) -> None:
        self._place = place
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise self.is_wrong("must be an object with name, shape, datatype and data")
        self.name: str = given["name"]
        if "binary_data_size" in _parameters(given):
            raise self.is_wrong("has binary data, which this server does not take: send `data`")
        shape = given.get("shape")
        if not isinstance(shape, list) or len(shape) not in (1, 2) or not all(type(size) is int and size >= 0 for size in shape):
            raise self.is_wrong("must have a shape [rows] or [rows, columns]")
        self.shape: list[int] = shape
        self.datatype = given.get("datatype")
        if not isinstance(self.datatype, str):
            raise self.is_wrong("must have a datatype")
        data = given.get("data")
        if not isinstance(data, list):
            raise self.is_wrong("must have data, a list")
        self.data = _flat(data)
        if len(self.data) != math.prod(shape):
            raise self.is_wrong("must have as many elements as its shape says")
        self.rows = shape[0]

    def is_wrong(self, message: str) -> InvalidInput:
        return body_is("structure", message, self._place)


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    parameters = given.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _flat(data: list[Any]) -> list[Any]:
    """Row-major elements, of a list or of a list of lists; what nests more deeply is no element of any type, and told so."""
    if not any(isinstance(one, list) for one in data):
        return data
    return [value for one in data for value in (one if isinstance(one, list) else [one])]


def tensors(answers: Sequence[Answer], outputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers as the tensors that `outputs`, some of `outputs_of`, asks for."""
    columns: dict[str, list[Any]] = {
        "predict": [one.outcome.predicted for one in answers],
        "confidence": [one.outcome.confidence for one in answers],
        "probabilities": [value for one in answers for value in one.outcome.probabilities or ()],
        "prediction_id": [one.prediction_id for one in answers],
    }
    return [{**one, "shape": [len(answers), *one["shape"][1:]], "data": columns[one["name"]]} for one in outputs]
