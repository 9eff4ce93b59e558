"""A scikit-learn estimator (or pipeline) as an artefact."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vitals.model.estimator_kind import classes_of, made_with, task_of, width_of
from vitals.model.inputs import Inputs, Row
from vitals.model.output import ModelOutput
from vitals.model.parts import parts
from vitals.model.several_outputs import check_answers
from vitals.model.trained_version import two_versions
from vitals.profile.classes import class_name

_NOT_KNOWN = object()


class Estimator:
    """Anything with scikit-learn's interface.

    What was fitted on an array gets an array. What was fitted on a DataFrame gets one of the same types; where all
    features are numbers and an array gives the same answer, it gets the array, which costs a third.
    """

    def __init__(self, estimator: Any, path: Path, saved_by: str = "") -> None:
        """Raises ModelMismatch where `estimator` can't be served; `path` is for the sentence.

        `saved_by`: the scikit-learn that saved it, where that is another than the one here.
        """
        self.estimator = estimator
        self.path = path
        self.task = task_of(estimator, path)
        self.width = width_of(estimator, path)
        names = getattr(estimator, "feature_names_in_", None)
        self.columns = None if names is None else tuple(str(name) for name in names)
        self.classes = classes_of(estimator, path) if self.task == "classification" else None
        self.made_with = made_with(estimator, saved_by)
        self.notes = tuple(filter(None, [two_versions(saved_by)]))
        self._ask = estimator.predict_proba if self.task == "classification" else estimator.predict
        self._gap: Any = _NOT_KNOWN
        self._by_array: bool | None = True if self.columns is None else None

    def ask(self, inputs: Inputs, rows: Sequence[Row]) -> ModelOutput:
        """The model's answers for `rows`. Raises ValueError where a regressor gives several values a row."""
        given = self._input(inputs, rows)
        predicted = np.asarray(self.estimator.predict(given))
        check_answers(predicted, len(rows), self.estimator, self.task, self.path)
        if self.task == "regression":
            return ModelOutput(values=predicted.astype(np.float64).reshape(len(rows)))
        probabilities = np.asarray(self.estimator.predict_proba(given))
        return ModelOutput(probabilities=probabilities, labels=[class_name(one) for one in predicted.reshape(len(rows))])

    def _input(self, inputs: Inputs, rows: Sequence[Row]) -> Any:
        if self._by_array is None:
            self._by_array = inputs.only_numbers and self._array_does(inputs, rows[:1])
        if inputs.only_numbers:
            return inputs.numbers(rows) if self._by_array else inputs.frame(rows)
        if self._gap is _NOT_KNOWN:
            self._gap = _gap(self.estimator)
        return inputs.array(rows, self._gap) if self._by_array else inputs.frame(rows, self._gap)

    def _array_does(self, inputs: Inputs, rows: Sequence[Row]) -> bool:
        """Whether an array of `rows` gets the answer that a DataFrame gets: some steps choose columns by their names."""
        by_frame = self._ask(inputs.frame(rows))
        # The names are held against the profile when the model is loaded; that an array has none is said at every call.
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        try:
            return bool(np.allclose(self._ask(inputs.numbers(rows)), by_frame, rtol=1e-9, atol=1e-12))
        except Exception:  # whatever a step raises that looks for its columns
            return False


def _gap(estimator: Any) -> float | None:
    """How texts were missing in the data that it was fitted on: None, as from Parquet, where an encoder or imputer knows that."""
    for _, part in parts(estimator):
        known = getattr(part, "categories_", None)
        if isinstance(known, list) and any(value is None for one in known for value in np.asarray(one).tolist()):
            return None
        if getattr(part, "missing_values", math.nan) is None:
            return None
    return math.nan
