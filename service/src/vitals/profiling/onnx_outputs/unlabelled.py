"""ONNX graphs that name no class: exports of PyTorch and Keras, and regressors. Their end and the target tell them apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.classes import class_name
from vitals.bundle.model_card import OnnxOutput
from vitals.errors import DataError, ModelMismatch
from vitals.profiling.onnx_outputs.evidence import Evidence, Numbers
from vitals.profiling.reading.columns import Column

_ANOTHER_ORDER = 0.25
"""How much more accuracy another order of the classes may have, before the order counts as unknown."""


@dataclass(frozen=True)
class Target:
    """The column to predict: its classes in sorted order, and whether only classes, and no numbers, can be meant."""

    name: str
    labels: list[str]
    classes: tuple[str, ...]
    only_classes: bool
    whole: bool
    """Whether all values are whole numbers from 0 on."""

    @classmethod
    def of(cls, column: Column) -> Target:
        present = sorted(set(column.present))
        whole = column.kind == "numeric" and present[0] >= 0 and all(value == int(value) for value in present)
        labels = [class_name(value) for value in column.values if value is not None]
        classes = tuple(class_name(value) for value in present)
        return cls(column.name, labels, classes, column.kind != "numeric", whole)

    def indexed(self, width: int) -> tuple[str, ...] | None:
        """The classes 0 to width - 1, where the column has only these: it need not have each."""
        if not self.whole or int(max(self.classes, key=int)) >= width:
            return None
        return tuple(str(index) for index in range(width))


Meaning = tuple[OnnxOutput, tuple[str, ...] | None, list[str]]


def without_label(evidence: Evidence, column: Column) -> Meaning:
    """What the outputs mean, the classes in the order of the probabilities (None for a regression), and notes.

    `column` is the target's. Raises ModelMismatch or DataError where no output can be served, or it is not known which.
    """
    if evidence.several_labels:
        raise _nothing(evidence)
    target = Target.of(column)
    present = [index for index, value in enumerate(column.values) if value is not None]
    refusals: list[Exception] = []
    meanings: list[tuple[int, Meaning]] = []
    for one in evidence.numbers:
        try:
            meanings.append(_meaning(one, evidence, target, one.values[present]))
        except (ModelMismatch, DataError) as wrong:
            refusals.append(wrong)
    if not meanings:
        raise refusals[0] if refusals else _nothing(evidence)
    best = min(rank for rank, _ in meanings)
    chosen = [meaning for rank, meaning in meanings if rank == best]
    if len(chosen) > 1:
        names = ", ".join(meaning[0].answer for meaning in chosen)
        raise ModelMismatch(
            f"{evidence.path} has several outputs that could be the prediction ({names}): export it with the one that is meant."
        )
    return chosen[0]


def _meaning(found: Numbers, evidence: Evidence, target: Target, values: NDArray[np.float64]) -> tuple[int, Meaning]:
    """With its rank: what the graph's end and the values prove comes before what is merely possible."""

    def output(kind: str) -> OnnxOutput:
        return OnnxOutput.model_validate({"kind": kind, "answer": found.name, "one_by_one": evidence.one_by_one})

    if found.classes is not None:
        if not found.probabilities:
            raise ModelMismatch(
                f"{evidence.path} gives raw scores and no probabilities (its output {found.name}, {found.span}): "
                "export it without the option raw_scores, or fit a model with probabilities."
            )
        return 0, (output("map"), found.classes, [])
    if found.width > 1:
        classes, notes = _several(found, evidence, target, values)
        return 0, (output("probabilities"), classes, notes)
    two = len(target.classes) == 2
    ends = found.ending.last in ("Sigmoid", "Softmax")
    if two and found.within and (ends or target.only_classes):
        notes = _order(values[:, 0] > 0.5, target.classes, target, evidence)
        return 0, (output("sigmoid"), target.classes, notes)
    if target.only_classes:
        raise _one_number(found, evidence, target)
    return 1, (output("value"), None, _doubts(found, target))


def _several(
    found: Numbers, evidence: Evidence, target: Target, values: NDArray[np.float64]
) -> tuple[tuple[str, ...], list[str]]:
    classes = target.indexed(found.width) or target.classes
    fits = len(classes) == found.width
    if found.probabilities and fits:
        return classes, _order(values.argmax(axis=1), classes, target, evidence)
    where = f"{evidence.path} gives {found.width} numbers a row (its output {found.name})"
    if found.probabilities:
        raise DataError(
            f"The model gives {found.width} probabilities without the names of their classes, and column '{target.name}' has "
            f"{len(target.classes)} different values: the data must have each class that the model knows, or its index from 0."
        )
    if fits and found.logarithms:
        raise ModelMismatch(f"{where}, the logarithms of probabilities: end the graph with Softmax in place of LogSoftmax.")
    if found.within and found.ending.last == "Sigmoid":
        raise ModelMismatch(
            f"{where}, each a probability by itself (Sigmoid): it is multi-label, and what is served predicts one class a row; "
            "export one model a label."
        )
    if fits or target.only_classes:
        raise ModelMismatch(
            f"{where}, which are scores ({found.span}) and no probabilities: end the graph with Softmax, so that they are."
        )
    raise ModelMismatch(f"{where}, so it predicts several values at once: what is served predicts one; export one model a value.")


def _order(chosen: NDArray[np.integer | np.bool_], classes: tuple[str, ...], target: Target, evidence: Evidence) -> list[str]:
    """A note that the classes' order is taken for granted. Raises DataError where the data say that it is another."""
    if classes in (tuple(map(str, range(len(classes)))), ("false", "true")):  # each class's place is its number
        return []
    labels = np.array([classes.index(label) for label in target.labels])
    accuracy = float((chosen == labels).mean())
    possible = sum(max(Counter(labels[chosen == index].tolist()).values()) for index in set(chosen.tolist())) / len(labels)
    if possible - accuracy > _ANOTHER_ORDER:
        raise DataError(
            f"{evidence.path} does not name its classes, and in sorted order ({', '.join(classes[:20])}) only {accuracy:.0%} of "
            f"its answers are those of column '{target.name}', where another order would give {possible:.0%}: give the column as "
            f"the classes' indexes (0 to {len(classes) - 1}), or export the model with an output of labels."
        )
    return [
        f"The ONNX model does not name its classes: they are taken in sorted order ({', '.join(classes[:20])}), "
        f"which gives an accuracy of {accuracy:.3f}."
    ]


def _one_number(found: Numbers, evidence: Evidence, target: Target) -> ModelMismatch:
    where = f"{evidence.path} gives one number a row (its output {found.name}, {found.span})"
    if len(target.classes) != 2:
        return ModelMismatch(
            f"{where}, and column '{target.name}' has {len(target.classes)} classes: "
            "a classifier has to give the probabilities of all of them."
        )
    return ModelMismatch(
        f"{where}, which is no probability, and column '{target.name}' has the classes {' and '.join(target.classes)}: "
        "end the graph with Sigmoid, so that it gives the second one's probability."
    )


def _doubts(found: Numbers, target: Target) -> list[str]:
    if len(target.classes) != 2:
        return []
    shown = " and ".join(target.classes)
    if found.within:
        return [
            f"Column '{target.name}' has only the values {shown}, and the model's answers are all between 0 and 1, but nothing "
            "in the graph says that they are probabilities: it is served as a regression. To serve a classifier, end the graph "
            "with Sigmoid, or export it with labels."
        ]
    return [
        f"Column '{target.name}' has only the values {shown}: the model is served as a regression, since it gives any number."
    ]


def _nothing(evidence: Evidence) -> ModelMismatch:
    if evidence.several_labels or "seq(" in evidence.told:
        return ModelMismatch(
            f"{evidence.path} gives several labels a row ({evidence.told}): it is multi-label or has several targets, and what "
            "is served predicts one; export one model a target."
        )
    return ModelMismatch(
        f"{evidence.path} gives {evidence.told}; a classifier has to give a label and the probabilities of all classes, "
        "a regressor one number, each for every row."
    )
