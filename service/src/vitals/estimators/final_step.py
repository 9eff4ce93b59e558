"""The step of an estimator that answers, below its pipelines, searches and other wrappers."""

from __future__ import annotations

from typing import Any

_DEEPEST = 20


def final_step(estimator: Any) -> Any:
    """What `estimator` hands its rows to in the end; itself where it wraps nothing. It need not be fitted."""
    here = estimator
    for _ in range(_DEEPEST):
        inner = _inner(here)
        if inner is None or isinstance(inner, str):
            return here
        here = inner
    return here


def attribute(thing: Any, name: str) -> Any:
    """Its attribute, or None where it has none, or can't say (as scikit-learn's properties do before `fit`)."""
    try:
        return getattr(thing, name, None)
    except Exception:  # a property can raise anything
        return None


def with_article(name: str) -> str:
    """A class's name behind "a" or "an", as it is said aloud: an SVC, an LGBMClassifier, a OneClassSVM."""
    spelled = (name[:2].isupper() and name[0] in "AEFHILMNORSX") or name == "ndarray"
    vowel = name[:1] in "AEIOaeio" and not name.startswith("One")
    return f"{'an' if spelled or vowel else 'a'} {name}"


def _inner(here: Any) -> Any:
    steps = attribute(here, "steps")
    if isinstance(steps, list) and steps and isinstance(steps[-1], tuple):
        return steps[-1][-1]
    for name in ("best_estimator_", "regressor_"):
        inner = attribute(here, name)
        if inner is not None:
            return inner
    if type(here).__name__ == "FrozenEstimator":
        return attribute(here, "estimator")
    # An ensemble keeps the estimator that it made copies of under this name; others, the one that they ask.
    inner = attribute(here, "estimator_")
    if inner is not None and attribute(here, "estimators_") is None and hasattr(inner, "predict"):
        return inner
    # Before `fit`, and where it only says what can be asked: the estimator that was given.
    given = attribute(here, "estimator")
    return given if type(here).__name__.endswith(("SearchCV", "ThresholdClassifierCV", "ThresholdClassifier")) else None
