"""Tensors of the Open Inference Protocol V2 in JSON: to rows of named values, and from answers.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vitals.api.prediction_service import Answer
from vitals.api.requests.example_body import example_of, listed
from vitals.api.requests.rows import body_is, named
from vitals.api.v2.tensor import NUMBERS, Tensor
from vitals.bundle.schema import Feature, Profile
from vitals.bundle.whole_numbers import integer_type


def datatype_of(feature: Feature) -> str:
    """The protocol's name of a feature's type."""
    if feature.kind == "numeric":
        return (integer_type(feature) or "int64").upper() if feature.whole else "FP64"
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
    """Reads the inputs of requests for one model.

    They are one tensor a feature; or, where one datatype fits all features, a single tensor of any name that is no feature's,
    with the features in the profile's order. Which datatype fits: any of numbers for numbers and for categories that are
    numbers, BOOL for truth values, BYTES for text. right: how to send rows, as part of a sentence.
    """

    def __init__(self, profile: Profile, path: str = "") -> None:
        """path: where the model's metadata are, for sentences."""
        self._features = {feature.name: feature for feature in profile.features}
        self._fitting = frozenset.intersection(*(_fitting(feature) for feature in profile.features))
        self.right = _right(profile, self._fitting, path)

    def rows(self, given: object, *, most: int, content_type: str | None = None) -> list[dict[str, Any]]:
        """One object a row, as `instances` of POST /predict has them: what is in them is yet to be checked.

        content_type: that of the request, one of those that `parameters_of` lets pass.
        Raises InvalidInput where the tensors are none, do not fit together, or have more than `most` rows.
        """
        if not isinstance(given, list) or not given:
            raise body_is("structure", f"must be a list of tensors: {self.right}", "inputs")
        tensors = [Tensor(one, f"inputs.{index}", content_type) for index, one in enumerate(given)]
        if len({tensor.name for tensor in tensors}) < len(tensors):
            raise body_is("structure", "has two tensors of one name", "inputs")
        if len({tensor.rows for tensor in tensors}) > 1:
            raise body_is("structure", "has tensors of different lengths", "inputs")
        count = tensors[0].rows
        if count == 0:
            raise body_is("empty", "has no row", "inputs")
        if count > most:
            raise body_is("too_many_rows", f"has {count} rows; the limit is {most}", "inputs")
        if len(tensors) == 1 and tensors[0].name not in self._features:
            return self._split(tensors[0])
        return _rows({tensor.name: self._column(tensor) for tensor in tensors}, count)

    def _split(self, tensor: Tensor) -> list[dict[str, Any]]:
        """The rows of one tensor that has all features."""
        width = len(self._features)
        if tensor.shape[1:] not in ([width], [1, width]) or tensor.datatype not in self._fitting:
            raise tensor.is_wrong(f"{named(tensor.name)} is not a feature of this model: {self.right}")
        columns = {
            name: _categories(feature, tensor.data[index::width]) for index, (name, feature) in enumerate(self._features.items())
        }
        return _rows(columns, tensor.rows)

    def _column(self, tensor: Tensor) -> list[Any]:
        """The values of one feature."""
        if tensor.shape[1:] not in ([], [1]):
            raise tensor.is_wrong(f"must be of the shape [rows] or [rows, 1]: {self.right}")
        feature = self._features.get(tensor.name)
        if feature is None:
            return tensor.data  # told as an unknown feature, with its name, when the rows are checked
        if tensor.datatype not in _fitting(feature):
            expected = datatype_of(feature)
            such_as = "" if feature.example is None else f", its data such as {example_of(feature)}"
            also = " or another of numbers" if expected in NUMBERS else ""
            raise tensor.is_wrong(f"must be of the datatype {expected}{also}{such_as}")
        return _categories(feature, tensor.data)


def _rows(columns: dict[str, list[Any]], count: int) -> list[dict[str, Any]]:
    return [{name: column[index] for name, column in columns.items()} for index in range(count)]


def _fitting(feature: Feature) -> frozenset[str]:
    """The datatypes that a tensor of this feature may have."""
    expected = datatype_of(feature)
    return NUMBERS if expected in NUMBERS else frozenset({expected})


def _categories(feature: Feature, data: list[Any]) -> list[Any]:
    """Text as the category whose name it is, where a feature has numbers beside text among its categories."""
    if datatype_of(feature) != "BYTES" or not any(isinstance(category, int) for category in feature.categories):
        return data
    by_text = {str(category): category for category in sorted(feature.categories, key=lambda one: isinstance(one, str))}
    return [by_text.get(value, value) if isinstance(value, str) else value for value in data]


def _right(profile: Profile, fitting: frozenset[str], path: str) -> str:
    """How to send rows to this model: names, shapes and datatypes."""
    width = len(profile.features)
    each = [f"{named(feature.name)} {datatype_of(feature)}" for feature in profile.features]
    features = listed(each, f"… (GET {path} names all {width})")
    if not fitting:
        return f"send one tensor a feature, each of the shape [rows] and of its own datatype: {features}"
    datatypes = "numbers (FP64 or another)" if fitting == NUMBERS else " or ".join(sorted(fitting))
    return (
        f"send one tensor of the shape [rows, {width}] and of {datatypes}, the features in this order, "
        f"or one tensor a feature, each of the shape [rows]: {features}"
    )


def tensors(answers: Sequence[Answer], outputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers as the tensors that `outputs`, some of `outputs_of`, asks for."""
    columns: dict[str, list[Any]] = {
        "predict": [one.outcome.predicted for one in answers],
        "confidence": [one.outcome.confidence for one in answers],
        "probabilities": [value for one in answers for value in one.outcome.probabilities or ()],
        "prediction_id": [one.prediction_id for one in answers],
    }
    return [{**one, "shape": [len(answers), *one["shape"][1:]], "data": columns[one["name"]]} for one in outputs]
