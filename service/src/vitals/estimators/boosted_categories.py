"""The categories that boosted trees keep for themselves: HistGradientBoosting, XGBoost, LightGBM and CatBoost."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from vitals.estimators.known_column import KnownColumn, plain_categories

Found = list[KnownColumn | None]


def boosted_categories(model: Any, width: int) -> Found:
    """For each of the `width` columns that `model` gets, what it knows; None for a number, and where nothing is known."""
    library = type(model).__module__.split(".", 1)[0]
    found: Found | None = None
    if hasattr(model, "is_categorical_"):
        found = _hist_gradient_boosting(model)
    elif library == "xgboost":
        found = _xgboost(model)
    elif library == "lightgbm":
        found = _lightgbm(model)
    elif library == "catboost":
        found = _catboost(model)
    return found if found is not None and len(found) == width else [None] * width


def _hist_gradient_boosting(model: Any) -> Found | None:
    marked = model.is_categorical_
    if marked is None:
        return None
    from_dtype = isinstance(model.categorical_features, str) and model.categorical_features == "from_dtype"
    preprocessor = getattr(model, "_preprocessor", None)  # sklearn < 1.10: it has no public name
    encoder = None if preprocessor is None else preprocessor.named_transformers_.get("encoder")
    own = iter(getattr(encoder, "categories_", ()))
    dtype = "category" if from_dtype else None
    found: Found = []
    for categorical in np.asarray(marked).tolist():
        categories = next(own, None) if categorical else None
        if categories is not None:
            found.append(plain_categories(np.asarray(categories), dtype=dtype))
        else:
            found.append(KnownColumn(dtype=dtype, takes_categories=True) if categorical else None)
    return found


def _xgboost(model: Any) -> Found | None:
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    types = booster.feature_types
    if not types:
        return None
    kept: dict[str, Any] = {}
    if "c" in types and hasattr(booster, "get_categories"):  # since 3.1
        try:
            kept = dict(booster.get_categories(export_to_arrow=True).to_arrow() or [])
        except (ImportError, ValueError, TypeError):  # without pyarrow, or trained on codes
            kept = {}
    names = booster.feature_names or [""] * len(types)
    return [_of_category_dtype(kept.get(name)) if kind == "c" else None for name, kind in zip(names, types, strict=True)]


def _of_category_dtype(categories: Any) -> KnownColumn:
    if categories is None:
        return KnownColumn(dtype="category", takes_categories=True)
    kept = categories.to_pylist()
    if not all(str(one).isascii() for one in kept):  # XGBoost 3.2 counts characters where it should count bytes
        return KnownColumn(dtype="category", takes_categories=True, refuses_unknown=True)
    return plain_categories(np.array(kept), dtype="category", refuses_unknown=True)


def _lightgbm(model: Any) -> Found | None:
    booster = getattr(model, "booster_", model)
    written = re.search(r"^\[categorical_feature: ([\d,]+)\]$", booster.model_to_string(num_iteration=1), re.MULTILINE)
    if written is None:
        return None
    marked = [int(index) for index in written[1].split(",")]
    lists = booster.pandas_categorical or []
    found: Found = [None] * booster.num_feature()
    for place, index in enumerate(sorted(marked)):
        if len(lists) == len(marked):
            found[index] = plain_categories(np.array(lists[place]), dtype="category")
        else:  # ordered categories are kept without their places; without lists they were whole numbers
            found[index] = KnownColumn(dtype="category" if lists else None, takes_categories=True)
    return found


def _catboost(model: Any) -> Found | None:
    found: Found = [None] * len(model.feature_names_)
    for index in model.get_cat_feature_indices():
        found[index] = KnownColumn(takes_categories=True)
    for index in model.get_text_feature_indices():
        found[index] = KnownColumn(dtype="object", free_text=True)
    return found
