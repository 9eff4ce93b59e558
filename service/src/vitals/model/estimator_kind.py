"""What kind of estimator an artefact holds: its task, its classes, and what it was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from vitals.errors import ModelMismatch
from vitals.profile.classes import class_name


def task_of(estimator: Any, path: Path) -> Literal["classification", "regression"]:
    """What `estimator` predicts. Raises ModelMismatch where it can't be served; `path` is for the sentence."""
    from sklearn.base import is_classifier, is_regressor  # takes a second to import, and ONNX models don't need it

    try:
        if is_classifier(estimator):
            return "classification"
        if is_regressor(estimator):
            return "regression"
    except Exception as wrong:  # asking something that is no estimator for its tags
        raise ModelMismatch(f"{path} holds a {kind_of(estimator)}, which is no scikit-learn estimator ({wrong}).") from wrong
    raise ModelMismatch(f"{path} holds a {kind_of(estimator)}, which is neither a classifier nor a regressor.")


def classes_of(estimator: Any, path: Path) -> tuple[str, ...]:
    """The classes of a classifier in the order of its probabilities. Raises ModelMismatch where it gives none."""
    if not hasattr(estimator, "predict_proba"):
        raise ModelMismatch(
            f"{path} holds a {kind_of(estimator)}, which gives no probabilities; "
            "wrap it in scikit-learn's CalibratedClassifierCV, or turn its option for probabilities on, and fit it again."
        )
    classes = getattr(estimator, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) < 2:
        raise ModelMismatch(f"{path} holds a {kind_of(estimator)} that does not predict one of two or more classes.")
    return tuple(class_name(one) for one in classes)


def kind_of(estimator: Any) -> str:
    """The class's name; of a pipeline, that of its last step."""
    steps = getattr(estimator, "steps", None)
    return type(steps[-1][1] if isinstance(steps, list) and steps else estimator).__name__


def made_with(estimator: Any) -> str:
    """The library that trained `estimator`, with its version where that is known."""
    library = type(estimator).__module__.split(".", 1)[0]
    if library != "sklearn":
        return library
    import sklearn

    return f"scikit-learn {sklearn.__version__}"
