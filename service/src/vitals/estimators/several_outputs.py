"""Estimators that give several answers a row: labels of which any number may hold, or several targets."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vitals.errors import ModelMismatch
from vitals.estimators.estimator_walk import same_by_array
from vitals.estimators.final_step import attribute, final_step

Task = Literal["classification", "regression"]
Several = Literal["multi-label", "multi-output"]


def check_one_answer(estimator: Any, task: Task, path: Path) -> None:
    """Raise ModelMismatch where `estimator` says, or one made-up row shows, that it gives several answers a row."""
    said = _said(final_step(estimator), task)
    if said is None:
        said = _shown(estimator, task)
    if said is not None:
        raise _refusal(type(final_step(estimator)).__name__, *said, path)


def check_answers(predicted: Any, rows: int, estimator: Any, task: Task, path: Path) -> None:
    """Raise ModelMismatch where what `predict` gave for `rows` rows is more than one answer a row; (rows, 1) is one."""
    count = _a_row(predicted, rows)
    if count > 1:
        raise _refusal(type(final_step(estimator)).__name__, _word(task), count, path)


def _said(one: Any, task: Task) -> tuple[Several, int] | None:
    """By its public attributes, which differ from family to family."""
    classes = attribute(one, "classes_")
    if attribute(one, "multilabel_") is True:  # OneVsRestClassifier
        return "multi-label", len(classes)
    if isinstance(classes, list) and len(classes) > 1 and all(isinstance(each, np.ndarray) for each in classes):
        # Trees, forests, neighbours, chains, MultiOutputClassifier: one array of classes a column of the target.
        marks = all(set(each.tolist()) <= {0, 1} for each in classes if each.dtype.kind in "biuf")
        numbers = all(each.dtype.kind in "biuf" for each in classes)
        return "multi-label" if numbers and marks else "multi-output", len(classes)
    outputs = attribute(one, "n_outputs_")
    several = isinstance(outputs, int | np.integer) and outputs > 1
    if task == "classification":
        # A network has as many outputs as classes; where each is a logistic function of its own, they are labels.
        return ("multi-label", int(outputs)) if several and attribute(one, "out_activation_") == "logistic" else None
    return ("multi-output", int(outputs)) if several else None


def _shown(estimator: Any, task: Task) -> tuple[Several, int] | None:
    """By its answer for a row of zeros, where it takes one."""
    width, names = attribute(estimator, "n_features_in_"), attribute(estimator, "feature_names_in_")
    if not isinstance(width, int | np.integer):
        return None
    row: Any = np.zeros((1, int(width)))
    if names is not None and not same_by_array(estimator):
        import pandas as pd

        row = pd.DataFrame(row, columns=names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            count = _a_row(estimator.predict(row), 1)
    except Exception:  # whatever an estimator raises for a row of other types than it learned from
        return None
    return (_word(task), count) if count > 1 else None


def _a_row(predicted: Any, rows: int) -> int:
    shape = np.shape(predicted)
    return int(np.prod(shape[1:])) if len(shape) > 1 and shape[0] == rows else 1


def _word(task: Task) -> Several:
    return "multi-label" if task == "classification" else "multi-output"


def _refusal(kind: str, what: Several, count: int, path: Path) -> ModelMismatch:
    if what == "multi-label":
        told = f"a multi-label {kind}: of {count} labels any number may hold for a row. A served model predicts one class a row"
        return ModelMismatch(f"{path} holds {told}: fit and serve one model a label.")
    told = f"a multi-output {kind}: it predicts {count} targets for a row. A served model predicts one"
    return ModelMismatch(f"{path} holds {told}: fit and serve one model a target.")
