"""Whether columns of the reference fit the inputs of an ONNX model: its types decide what a request may hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vitals.bundle.schema import Feature
from vitals.errors import DataError
from vitals.model_formats.onnx_format import OnnxModel
from vitals.profiling.reading.columns import Column


def fitted(model: object, columns: Sequence[Column], features: Sequence[Feature]) -> tuple[Feature, ...]:
    """`features` with the types that an ONNX `model` takes them in; for another model, as they are.

    Raises DataError where a value of `columns`, which are the features' own, has no place in its type.
    """
    if not isinstance(model, OnnxModel):
        return tuple(features)
    dtypes = model.dtypes(len(columns))
    together = model.columns is None
    for column, kind in zip(columns, dtypes, strict=True):
        _fits(column, kind, together)
    return tuple(
        feature.model_copy(update={"whole": True, "dtype": kind}) if np.dtype(kind).kind in "iu" else feature
        for feature, kind in zip(features, dtypes, strict=True)
    )


def _fits(column: Column, dtype: str, together: bool) -> None:
    kind = np.dtype(dtype).kind
    name = f"Column '{column.name}'"
    of = {"O": "text", "b": "true and false"}.get(kind, f"the type {dtype}")
    takes = f"takes one tensor of {of} for all features" if together else f"has the input '{column.name}' of {of}"
    texts = [value for value in column.present if isinstance(value, str)]
    if kind == "O":
        if column.kind != "categorical":
            raise DataError(
                f"{name} is {column.kind}, and the model {takes}: text and numbers need inputs of their own"
                f"{'' if together else ', or say that its values are categories with --categorical'}."
            )
    elif texts:
        raise DataError(
            f"{name} is text ('{texts[0][:40]}'), and the model {takes}: "
            f"export it with one input a column, text among them, or give the numbers that it learned from."
        )
    if kind != "f":
        gaps = len(column.values) - len(column.present)
        if gaps:
            raise DataError(
                f"{name} has no value in {gaps} rows, and the model {takes}, which has no missing "
                "value: fill these gaps, remove the rows, or export the model with an input of floats."
            )
    if kind == "b":
        wrong = [value for value in column.present if value not in (0, 1)]
        if wrong:
            raise DataError(f"{name} has the value {wrong[0]}, and the model {takes}.")
    if kind in "iu":
        _whole(column, dtype, takes)


def _whole(column: Column, dtype: str, takes: str) -> None:
    limits = np.iinfo(dtype)
    broken = [value for value in column.present if value != int(value)]
    if broken:
        raise DataError(
            f"Column '{column.name}' has numbers with a fraction ({broken[0]} and others, in {len(broken)} rows), and the model "
            f"{takes}, which holds whole numbers: export it with an input of floats, or give the numbers that it learned from."
        )
    beyond = [value for value in column.present if not limits.min <= int(value) <= limits.max]
    if beyond:
        raise DataError(
            f"Column '{column.name}' has the value {beyond[0]}, and the model {takes}, which holds {limits.min} to {limits.max}."
        )
