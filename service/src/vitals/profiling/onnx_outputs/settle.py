"""Finding out what the outputs of an ONNX model mean, and telling the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vitals.bundle.classes import class_name
from vitals.bundle.schema import Feature
from vitals.errors import DataError
from vitals.model_formats.onnx_format import OnnxModel
from vitals.model_io.inputs import Row
from vitals.profiling.onnx_outputs.evidence import Evidence, evidence_of
from vitals.profiling.onnx_outputs.labelled import with_label
from vitals.profiling.onnx_outputs.unlabelled import without_label
from vitals.profiling.reading.columns import Column

SLOW = (
    "The ONNX model takes one row a call, so a batch costs as much as its rows one by one: "
    "export it with a free first dimension (skl2onnx: [None, …]; PyTorch: dynamic_axes or dynamic_shapes)."
)


def settle(model: object, features: Sequence[Feature], rows: Sequence[Row], target: Callable[[bool], Column]) -> list[str]:
    """Tell an ONNX `model` what its outputs mean: `model.output` and `model.classes` are known then. Gives notes for people.

    `rows` are the reference's, in the order of `features`; `target` reads the column to predict: as classes (True), or as its
    values are. Nothing happens to other models.
    Raises ModelMismatch or DataError where the model can't be served, with the cause.
    """
    if not isinstance(model, OnnxModel):
        return []
    evidence = evidence_of(model, features, rows)
    notes = [SLOW] if evidence.one_by_one else []
    if evidence.labels:
        column = target(True)
        truth = [class_name(value) for value in column.values]  # a gap is refused later, by its own sentence
        evidence = _as_booleans(evidence, truth)
        output, classes = with_label(evidence, truth, column.name)
        model.settle(output, classes)
        return notes
    try:
        column = target(False)
    except DataError:  # numbers and text in one column can still be the names of classes
        column = target(True)
    output, found, doubts = without_label(evidence, column)
    model.settle(output, found)
    return [*notes, *doubts]


def _as_booleans(evidence: Evidence, truth: Sequence[str]) -> Evidence:
    """0 and 1 among a graph's labels as false and true, where the target has these: a graph has no others for them."""
    seen = {name for labels in evidence.labels for name in labels.values}
    if not set(truth) <= {"false", "true"} or not seen <= {"0", "1"}:
        return evidence
    names = {"0": "false", "1": "true"}
    return replace(evidence, labels=[replace(one, values=[names[name] for name in one.values]) for one in evidence.labels])
