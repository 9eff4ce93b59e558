"""ONNX graphs that name the class themselves, beside probabilities: exports of scikit-learn and of boosted trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.model_card import OnnxOutput
from vitals.errors import DataError, ModelMismatch
from vitals.profiling.onnx_outputs.evidence import SUM_TOLERANCE, Evidence, Labels, Numbers


def with_label(evidence: Evidence, truth: Sequence[str], target: str) -> tuple[OnnxOutput, tuple[str, ...]]:
    """Which outputs hold the label and the probabilities, and the classes in their order.

    `truth` are the classes of the reference's rows in the column `target`; where the graph has several outputs of labels, the
    one that agrees with it most is the label. Raises ModelMismatch where no output holds probabilities, DataError where their
    order can't be told.
    """
    label = max(evidence.labels, key=lambda one: _agreement(one.values, truth))
    fitting = [one for one in evidence.numbers if one.probabilities]
    for one in sorted(fitting, key=lambda one: one.classes is None):
        if one.classes is not None:
            return OnnxOutput(kind="map", answer=one.name, label=label.name, one_by_one=evidence.one_by_one), one.classes
    classes = _sorted_classes(label, truth)
    ordered = [one for one in fitting if one.width == len(classes) and _in_order(one.values, label.values, classes)]
    if ordered:
        best = max(ordered, key=lambda one: _agreement([classes[top] for top in one.values.argmax(axis=1)], label.values))
        return OnnxOutput(kind="probabilities", answer=best.name, label=label.name, one_by_one=evidence.one_by_one), classes
    if fitting:
        raise _other_classes(fitting[0], label, truth, target)
    for one in evidence.numbers:
        if one.width == 1 and one.within and len(classes) == 2 and one.ending.last == "Sigmoid":
            second = [classes[int(value > 0.5)] for value in one.values[:, 0]]
            if second == label.values:
                return OnnxOutput(kind="sigmoid", answer=one.name, label=label.name, one_by_one=evidence.one_by_one), classes
    raise _no_probabilities(evidence)


def _agreement(first: Sequence[str], second: Sequence[str]) -> int:
    return sum(one == other for one, other in zip(first, second, strict=True))


def _sorted_classes(label: Labels, truth: Sequence[str]) -> tuple[str, ...]:
    """The classes that the labels and the data have, in the order that the labels' type sorts them in, as scikit-learn does."""
    names = set(label.values) | set(truth)
    if label.kind.startswith("tensor(int"):
        try:
            return tuple(sorted(names, key=int))
        except ValueError:
            pass
    return tuple(sorted(names))


def _in_order(probabilities: NDArray[np.float64], labels: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether each column is largest, on average, for rows whose label is its own class.

    The label may be another class than the most probable one (SVC with probabilities, a threshold), so that is not asked for.
    """
    index = {name: position for position, name in enumerate(classes)}
    which = np.array([index[one] for one in labels])
    present = np.unique(which)
    means = np.array([probabilities[which == one].mean(axis=0) for one in present])
    return all(means[row, column] >= means[:, column].max() - 1e-9 for row, column in enumerate(present))


def _other_classes(found: Numbers, label: Labels, truth: Sequence[str], target: str) -> DataError:
    known = _sorted_classes(label, ())
    data = sorted(set(truth))
    if set(known) <= set(data) and len(data) != found.width:
        return DataError(
            f"The model gives {found.width} probabilities, and column '{target}' has {len(data)} classes: "
            "the data must have each class that the model knows."
        )
    return DataError(
        f"The model's labels are not the classes of column '{target}' in their order ({', '.join(data[:20])}): "
        f"they are {', '.join(known[:20])}; give the column as the model learned it, or export the model with ZipMap, so that "
        "each probability has its class's name."
    )


def _no_probabilities(evidence: Evidence) -> ModelMismatch:
    path = evidence.path
    if not evidence.numbers:
        return ModelMismatch(
            f"{path} gives labels without probabilities ({evidence.told}): export it with the probabilities of all classes."
        )
    single = [one.values[:, 0] for one in evidence.numbers if one.width == 1]
    if len(single) > 1 and np.allclose(sum(single), 1, atol=SUM_TOLERANCE):
        return ModelMismatch(
            f"{path} gives the probability of each class as an output of its own ({evidence.told}): export it with one output "
            "for all (skl2onnx: the option zipmap=False)."
        )
    shown = max(evidence.numbers, key=lambda one: one.width)
    if shown.within and shown.width > 1:
        return ModelMismatch(
            f"{path} gives numbers between 0 and 1 that do not add up to 1 in each row (its output {shown.name}), so they are "
            "not the probabilities of one class among several: export it with normalised probabilities."
        )
    scores = f"{path} gives raw scores and no probabilities (its output {shown.name}, {shown.span})"
    if shown.width == 1 and shown.within:
        scores = (
            f"{path} gives a label and one number a row (its output {shown.name}), which is not the second class's probability"
        )
    if "SVMClassifier without probabilities" in shown.ending.has:
        return ModelMismatch(
            f"{scores}: fit the SVC with probability=True, or wrap it in CalibratedClassifierCV, and export it again."
        )
    if "SVMClassifier" in shown.ending.has:
        return ModelMismatch(f"{scores}: export it without the option raw_scores.")
    return ModelMismatch(
        f"{scores}: export it without the option raw_scores; where the model itself has no probabilities, as LinearSVC, wrap it "
        "in CalibratedClassifierCV and fit it again."
    )
