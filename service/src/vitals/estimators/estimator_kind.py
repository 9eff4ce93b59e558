"""What kind of estimator an artefact holds: its task, its classes, and what it was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vitals.bundle.classes import class_name
from vitals.errors import ModelMismatch
from vitals.estimators.final_step import attribute, final_step, with_article
from vitals.estimators.not_an_estimator import check_is_estimator
from vitals.estimators.several_outputs import Task, check_one_answer
from vitals.estimators.text_models import check_no_text

_OTHER_KINDS = {
    "outlier_detector": "an outlier detector: it answers 1 or -1, without a probability",
    "clusterer": "a clusterer: it groups rows, and there is no truth that its answers could be held against",
    "density_estimator": "a density estimator: it says how likely a row is, and predicts nothing of it",
}
_SERVED = "What is served is a fitted classifier with predict_proba, or a fitted regressor"

_PROBABILITIES = {
    "SVC": "wrap it, CalibratedClassifierCV(SVC(...), ensemble=False)",
    "NuSVC": "wrap it, CalibratedClassifierCV(NuSVC(...), ensemble=False)",
    "SGDClassifier": "fit it with loss='log_loss' or loss='modified_huber', or wrap it in CalibratedClassifierCV",
    "VotingClassifier": "fit it with voting='soft', of classifiers that have predict_proba",
    "StackingClassifier": "give it a final_estimator that has predict_proba",
    "OneVsRestClassifier": "put a classifier that has predict_proba into it, as CalibratedClassifierCV(LinearSVC())",
    "OneVsOneClassifier": "wrap it in CalibratedClassifierCV, or use OneVsRestClassifier around a classifier with predict_proba",
    "OutputCodeClassifier": "use OneVsRestClassifier around a classifier that has predict_proba",
}
"""What gives probabilities, by the class of the last step; any other with a decision function can be calibrated."""


def task_of(estimator: Any, path: Path) -> Task:
    """What `estimator` predicts, one class or one number a row; `path` is for the sentence.

    Raises ModelMismatch where it is something else than a fitted classifier or regressor of one target.
    """
    check_is_estimator(estimator, path)
    task = _task(estimator) or _task(final_step(estimator))
    if task is None:
        raise ModelMismatch(f"{path} holds {an_estimator(estimator)}, {_other_kind(estimator)}. {_SERVED}.")
    check_one_answer(estimator, task, path)
    return task


def width_of(estimator: Any, path: Path) -> int:
    """How many features `estimator` takes. Raises ModelMismatch where it does not say: it is not fitted, or reads free text."""
    own = _names_of_catboost(estimator)
    if own:
        return len(own)
    width = attribute(estimator, "n_features_in_")
    if isinstance(width, int | np.integer):
        return int(width)
    check_no_text(estimator, path)
    if _not_fitted(estimator):
        raise ModelMismatch(f"{path} holds {an_estimator(estimator)} that is not fitted: call its fit before it is saved.")
    raise ModelMismatch(
        f"{path} holds {an_estimator(estimator)} that does not say how many features it takes (n_features_in_): "
        "set that in its fit, as scikit-learn's estimators do."
    )


def columns_of(estimator: Any) -> tuple[str, ...] | None:
    """The names of the features in their order; None where it was fitted on an array, which has none."""
    own = _names_of_catboost(estimator)
    if own:
        return None if own == [str(index) for index in range(len(own))] else tuple(own)
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else tuple(str(name) for name in names)


def _names_of_catboost(estimator: Any) -> list[str]:
    """What CatBoost calls its features; its `n_features_in_` is 0 and it has no `feature_names_in_`."""
    if not type(estimator).__module__.startswith("catboost"):
        return []
    return [str(name) for name in getattr(estimator, "feature_names_", None) or ()]


def classes_of(estimator: Any, path: Path) -> tuple[str, ...]:
    """The classes of a classifier in the order of its probabilities. Raises ModelMismatch where it gives none."""
    if not hasattr(estimator, "predict_proba"):
        if _not_fitted(estimator) and attribute(estimator, "classes_") is None:
            raise ModelMismatch(f"{path} holds {an_estimator(estimator)} that is not fitted: call its fit before it is saved.")
        refused = f"{path} holds {an_estimator(estimator)}, which gives no probabilities"
        raise ModelMismatch(f"{refused}; {_probabilities_by(estimator)}.")
    classes = attribute(estimator, "classes_")
    if isinstance(classes, list | tuple):  # of other packages; several columns of classes were refused before
        classes = np.array(classes, dtype=object)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1:
        raise ModelMismatch(
            f"{path} holds {an_estimator(estimator)} that does not name its classes: set classes_ in its fit, an array of them."
        )
    if len(classes) < 2:
        raise ModelMismatch(
            f"{path} holds {an_estimator(estimator)} that knows one class only: fit it on rows of two or more classes."
        )
    return tuple(class_name(one) for one in classes)


def kind_of(estimator: Any) -> str:
    """The name of its class; of a pipeline or a search, that of the step that answers."""
    return type(final_step(estimator)).__name__


def an_estimator(estimator: Any) -> str:
    """Its kind with its article, for a sentence."""
    return with_article(kind_of(estimator))


def made_with(estimator: Any, saved_by: str = "") -> str:
    """The libraries that trained `estimator`: scikit-learn with its version, and both where another one (`saved_by`) saved it."""
    libraries = dict.fromkeys(type(one).__module__.split(".", 1)[0] for one in (estimator, final_step(estimator)))
    return ", ".join(_scikit_learn(saved_by) if library == "sklearn" else library for library in libraries)


def _scikit_learn(saved_by: str) -> str:
    import sklearn

    today = sklearn.__version__
    return f"scikit-learn {saved_by}, read with {today}" if saved_by not in ("", today) else f"scikit-learn {today}"


def _task(estimator: Any) -> Task | None:
    from sklearn.base import ClassifierMixin, RegressorMixin, is_classifier, is_regressor

    try:
        if is_classifier(estimator):
            return "classification"
        if is_regressor(estimator):
            return "regression"
    except Exception:  # noqa: S110 - asking a package of before for its tags: what it inherits and says tells it, too
        pass
    # Mixins behind BaseEstimator, which hides their tags; and what packages said before there were tags.
    said = attribute(estimator, "_estimator_type")
    if isinstance(estimator, ClassifierMixin) or said == "classifier":
        return "classification"
    if isinstance(estimator, RegressorMixin) or said == "regressor":
        return "regression"
    return "classification" if said is None and _has(estimator, "predict", "predict_proba", "classes_") else None


def _other_kind(estimator: Any) -> str:
    from sklearn.base import ClusterMixin, OutlierMixin
    from sklearn.utils import get_tags

    one = final_step(estimator)
    try:
        said = get_tags(one).estimator_type
    except Exception:  # what has no tags, such as the string "passthrough" as a last step
        said = None
    if said not in _OTHER_KINDS:
        said = "outlier_detector" if isinstance(one, OutlierMixin) else "clusterer" if isinstance(one, ClusterMixin) else said
    if said in _OTHER_KINDS:
        return _OTHER_KINDS[said]
    if not hasattr(one, "predict"):
        return "which only transforms rows: save the pipeline that ends with the classifier or regressor, not this step of it"
    return "which says neither that it is a classifier nor that it is a regressor (ClassifierMixin, RegressorMixin)"


def _probabilities_by(estimator: Any) -> str:
    one = final_step(estimator)
    known = _PROBABILITIES.get(type(one).__name__)
    if known:
        return known + ", and fit it again"
    if hasattr(one, "decision_function"):
        return f"wrap it in scikit-learn's CalibratedClassifierCV({type(one).__name__}(...)), and fit it again"
    return "choose a classifier that has predict_proba"


def _not_fitted(estimator: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return True
    except Exception:  # what is no estimator of scikit-learn's
        return False
    return False


def _has(estimator: Any, *names: str) -> bool:
    return all(attribute(estimator, name) is not None for name in names)
