"""What people save in place of a fitted estimator, and what to save instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vitals.errors import ModelMismatch
from vitals.estimators.final_step import attribute, with_article

_NEEDED = "a fitted estimator with scikit-learn's interface is needed, saved by itself"

_WITHOUT_SCIKIT_LEARN = {
    "torch": "a PyTorch model: convert it to ONNX with torch.onnx.export",
    "keras": "a Keras model: convert it to ONNX",
    "tensorflow": "a TensorFlow model: convert it to ONNX",
    "xgboost": "XGBoost's own interface: save the XGBClassifier or XGBRegressor in place of it",
    "lightgbm": "LightGBM's own interface: save the LGBMClassifier or LGBMRegressor in place of it",
    "statsmodels": "a model of statsmodels, without scikit-learn's interface: wrap it in a class with fit and predict",
}
"""By the package of what was saved, where it has no `fit`, or another one than scikit-learn's."""


def check_is_estimator(saved: Any, path: Path) -> None:
    """Raise ModelMismatch where `saved` has no `predict` of an instance's, or is of an interface that is known to be another."""
    told = _what(saved)
    if told:
        raise ModelMismatch(f"{path} holds {told}.")


def _what(saved: Any) -> str:
    if saved is None:
        return f"None: {_NEEDED} (what `fit` gives back, or the variable that it was called on)"
    if isinstance(saved, type):
        return f"the class {saved.__name__}, not an instance of it: save a fitted one, {saved.__name__}(...).fit(...)"
    if isinstance(saved, dict):
        return _collection("a dict", [(f"['{key}']", value) for key, value in saved.items()])
    if isinstance(saved, list | tuple):
        return _collection(f"a {type(saved).__name__}", [(f"[{index}]", value) for index, value in enumerate(saved)])
    package = type(saved).__module__.split(".", 1)[0]
    if package in _WITHOUT_SCIKIT_LEARN and not _of_scikit_learn(saved):
        return f"{with_article(type(saved).__name__)}, {_WITHOUT_SCIKIT_LEARN[package]}"
    if attribute(saved, "predict") is None and attribute(saved, "fit") is None:
        if callable(saved) and hasattr(saved, "__name__"):
            return f"the function {saved.__name__}: {_NEEDED}"
        shape = f" of the shape {saved.shape}" if isinstance(saved, np.ndarray) else ""
        return f"{with_article(type(saved).__name__)}{shape}, which is no estimator: {_NEEDED}"
    return ""


def _collection(what: str, entries: list[tuple[str, Any]]) -> str:
    models = [(place, value) for place, value in entries if attribute(value, "predict") and not isinstance(value, type)]
    if not models:
        return f"{what} of {_count(entries)}, none of which predicts: {_NEEDED}"
    place, model = models[0]
    return (
        f"{what} of {_count(entries)}: save the {type(model).__name__} in {place} by itself, "
        "in a pipeline with the steps that come before it"
    )


def _count(entries: list[tuple[str, Any]]) -> str:
    return "one entry" if len(entries) == 1 else f"{len(entries)} entries"


def _of_scikit_learn(saved: Any) -> bool:
    return attribute(saved, "get_params") is not None and attribute(saved, "fit") is not None
