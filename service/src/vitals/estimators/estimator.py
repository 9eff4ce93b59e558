"""A scikit-learn estimator (or pipeline) as an artefact."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.classes import class_name
from vitals.bundle.model_card import OnnxOutput
from vitals.estimators.estimator_kind import classes_of, columns_of, made_with, task_of, width_of
from vitals.estimators.estimator_walk import parts, same_by_array
from vitals.estimators.known_column import KnownColumn
from vitals.estimators.known_columns import known_columns
from vitals.estimators.several_outputs import check_answers
from vitals.estimators.trained_version import two_versions
from vitals.model_io.inputs import Container, Inputs, Row
from vitals.model_io.output import ModelOutput

_TIE = 1e-9
"""Two probabilities that differ by less are one: rounding decides which is larger, and `predict` is asked."""

_MOST_PROBABLE = frozenset(
    {
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "LinearDiscriminantAnalysis",
        "LogisticRegression",
        "LogisticRegressionCV",
        "QuadraticDiscriminantAnalysis",
        "RandomForestClassifier",
    }
)
"""scikit-learn's classifiers whose `predict` is the most probable class by construction: one function gives both."""


class Estimator:
    """Anything with scikit-learn's interface. `predict` decides the class, also where another is more probable."""

    output: OnnxOutput | None = None

    def __init__(self, estimator: Any, path: Path, saved_by: str = "") -> None:
        """Raises ModelMismatch where `estimator` can't be served; `path` is for the sentence.

        saved_by: the scikit-learn that saved it, where that is another than the one here.
        """
        self.estimator = estimator
        self.path = path
        self.task = task_of(estimator, path)
        self.width = width_of(estimator, path)
        self.columns = columns_of(estimator)
        self.container: Container = "array" if self.columns is None or same_by_array(estimator) else "frame"
        self.classes = classes_of(estimator, path) if self.task == "classification" else None
        self.made_with = made_with(estimator, saved_by)
        self.notes = tuple(filter(None, [two_versions(saved_by)]))
        self._argmax = _predicts_the_most_probable(estimator)
        self._names_known = self.columns is not None

    @property
    def runtime(self) -> str:
        """The library that answers, with its version."""
        library = type(self.estimator).__module__.split(".", 1)[0]
        version = getattr(sys.modules.get(library), "__version__", "")
        return f"{'scikit-learn' if library == 'sklearn' else library} {version}".rstrip()

    @property
    def raw_classes(self) -> tuple[Any, ...] | None:
        """The classes as the estimator has them: texts, numbers, true and false."""
        return tuple(np.asarray(self.estimator.classes_).tolist()) if self.classes is not None else None

    def known_columns(self, names: Sequence[str]) -> dict[str, KnownColumn]:
        """What the estimator knows of the columns `names`, its features in their order."""
        return known_columns(self.estimator, names)

    def ask(self, inputs: Inputs, rows: Sequence[Row]) -> ModelOutput:
        """The model's answers for `rows`. Raises ValueError where it gives several values a row, and what it raises itself."""
        if inputs.container == "array" and self._names_known:
            self._forget_names()
        found = [(at, self.answer(given)) for at, given in inputs.groups(rows)]
        return found[0][1] if len(found) == 1 else _joined(found, len(rows))

    def answer(self, given: Any) -> ModelOutput:
        """The model's answers for `given`, an array or a DataFrame as the estimator takes it."""
        rows = len(given)
        if self.task == "regression":
            values = np.asarray(self.estimator.predict(given), dtype=np.float64)
            check_answers(values, rows, self.estimator, self.task, self.path)
            return ModelOutput(values=values.reshape(rows))
        probabilities = np.asarray(self.estimator.predict_proba(given))
        if not self._argmax:
            return ModelOutput(probabilities, self._index(self.estimator.predict(given)))
        chosen = probabilities.argmax(axis=1)
        at = np.arange(rows)
        most = probabilities[at, chosen]
        if probabilities.shape[1] > 1 and np.count_nonzero(probabilities >= (most - _TIE)[:, None]) > rows:
            chosen = self._index(self.estimator.predict(given))
        return ModelOutput(probabilities, chosen)

    def _index(self, predicted: Any) -> NDArray[np.intp]:
        """The place of each predicted class in `classes`. Raises ValueError for one that is not among them."""
        names = np.asarray(predicted)
        if names.ndim != 1:
            names = names.reshape(len(names), -1)
            if names.shape[1] != 1:  # CatBoost gives one column
                raise ValueError(f"the model predicts {names.shape[1]} values a row, not one class")
            names = names[:, 0]
        classes = np.asarray(self.estimator.classes_)
        if names.dtype == classes.dtype:
            found = np.searchsorted(classes, names).clip(max=len(classes) - 1)
            if (classes[found] == names).all():
                return found
        place = {class_name(one): index for index, one in enumerate(classes)}  # classes in an order of their own, or as texts
        try:
            return np.array([place[class_name(one)] for one in names.tolist()], dtype=np.intp)
        except KeyError as unknown:
            raise ValueError(f"the model predicts a class that it does not name among its own: {unknown}") from None

    def _forget_names(self) -> None:
        """An array has no names: scikit-learn would warn of that at every call, which costs more than some models."""
        for _, part in parts(self.estimator):
            if "feature_names_in_" in getattr(part, "__dict__", {}):
                del part.feature_names_in_
        self._names_known = False


def _joined(found: Sequence[tuple[Sequence[int] | None, ModelOutput]], rows: int) -> ModelOutput:
    """Parts of one call's answers, each in its rows' places."""
    first = found[0][1]

    def whole(part: Any) -> Any:
        if part(first) is None:
            return None
        made = np.empty((rows, *part(first).shape[1:]), dtype=part(first).dtype)
        for at, output in found:
            made[at] = part(output)
        return made

    return ModelOutput(whole(lambda one: one.probabilities), whole(lambda one: one.chosen), None, whole(lambda one: one.values))


def _predicts_the_most_probable(estimator: Any) -> bool:
    last = estimator
    while True:
        steps = getattr(last, "steps", None)
        if isinstance(steps, list) and steps and type(last).__module__ == "sklearn.pipeline":
            last = steps[-1][1]
        elif type(last).__module__ == "sklearn.model_selection._search" and hasattr(last, "best_estimator_"):
            last = last.best_estimator_
        else:
            return type(last).__module__.startswith("sklearn.") and type(last).__name__ in _MOST_PROBABLE
