"""XGBoost, LightGBM and CatBoost: plain numbers, gaps, the type category, and columns that the model itself takes as text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .case import Case, classifier, on_mixed, regressor, with_option
from .columns import gappy
from .tables import coded, counts, mixed, numbers

whole_mixed = partial(mixed, gaps=0.1)


def _xgboost(**options: Any) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1, **options)


def _xgboost_value(**options: Any) -> Any:
    from xgboost import XGBRegressor

    return XGBRegressor(n_estimators=8, max_depth=3, n_jobs=1, **options)


def _lightgbm(**options: Any) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=8, min_child_samples=5, n_jobs=1, verbose=-1, **options)


def _lightgbm_value() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=8, min_child_samples=5, n_jobs=1, verbose=-1)


def _catboost(*categorical: str) -> Any:
    from catboost import CatBoostClassifier

    named = {"cat_features": list(categorical)} if categorical else {}
    return CatBoostClassifier(iterations=8, verbose=0, thread_count=1, allow_writing_files=False, **named)


def _catboost_value() -> Any:
    from catboost import CatBoostRegressor

    return CatBoostRegressor(iterations=8, verbose=0, thread_count=1, allow_writing_files=False)


def _as_category(*columns: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda features: features.astype(dict.fromkeys(columns, "category"))


def _gaps_named(features: pd.DataFrame) -> pd.DataFrame:
    """CatBoost takes no NaN among texts: people write a word there."""
    return features.assign(city=features["city"].fillna("unknown"))


def _named_city() -> pd.DataFrame:
    return _gaps_named(mixed(gaps=0.1))


CASES: list[Case] = [
    classifier("XGBoost-numbers", _xgboost, numbers, 2, "integers"),
    classifier("XGBoost-gaps", _xgboost, gappy, 3, "integers"),
    classifier("XGBoost-float32", _xgboost, partial(numbers, dtype="float32"), 10, "integers", file="parquet"),
    classifier("XGBoost-by_array", _xgboost, partial(numbers, 300), 50, "integers", by_array=True),
    classifier("XGBoost-counts", _xgboost, counts, 3, "integers"),
    classifier("XGBoost-mixed_gaps", lambda: on_mixed(_xgboost()), whole_mixed, 2, "integers"),
    classifier("XGBoost-scaled", lambda: make_pipeline(StandardScaler(), _xgboost()), gappy, 2, "integers"),
    classifier(
        "XGBoost-category", partial(_xgboost, enable_categorical=True), whole_mixed, 2, "integers", prepare=_as_category("city")
    ),
    classifier(
        "XGBoost-category_integers", partial(_xgboost, enable_categorical=True), coded, 2, "integers",
        prepare=_as_category("code"),
    ),
    classifier(
        "XGBoost-category_parquet", partial(_xgboost, enable_categorical=True), lambda: _as_category("city")(whole_mixed()), 3,
        "integers", file="parquet",
    ),
    regressor("XGBoost-regressor", _xgboost_value, gappy),
    regressor("XGBoost-regressor-category", partial(_xgboost_value, enable_categorical=True), whole_mixed,
              prepare=_as_category("city")),
    classifier("LightGBM-numbers", _lightgbm, numbers, 2, "text"),
    classifier("LightGBM-gaps", _lightgbm, gappy, 3, "padded", reading={"dtype": {"y": str}}),
    classifier("LightGBM-counts", _lightgbm, partial(counts, 200), 10, "negative"),
    classifier("LightGBM-many", _lightgbm, partial(numbers, 600), 50, "text"),
    classifier("LightGBM-mixed_gaps", lambda: on_mixed(_lightgbm()), whole_mixed, 2, "booleans"),
    classifier("LightGBM-category", _lightgbm, whole_mixed, 2, "text", prepare=_as_category("city")),
    classifier("LightGBM-category_integers", _lightgbm, partial(coded, gaps=0.1), 3, "text", prepare=_as_category("code")),
    regressor("LightGBM-regressor", _lightgbm_value, gappy),
    regressor("LightGBM-regressor-category", _lightgbm_value, whole_mixed, prepare=_as_category("city")),
    classifier("CatBoost-numbers", _catboost, numbers, 2, "text"),
    classifier("CatBoost-gaps", _catboost, gappy, 3, "text"),
    classifier("CatBoost-integers", _catboost, counts, 10, "integers"),
    classifier("CatBoost-mixed_gaps", lambda: on_mixed(_catboost()), whole_mixed, 2, "text"),
    classifier("CatBoost-text", partial(_catboost, "city"), _named_city, 2, "text"),
    classifier("CatBoost-text_and_code", partial(_catboost, "city", "code"), _named_city, 2, "integers"),
    with_option(
        classifier("CatBoost-text_and_code", partial(_catboost, "city", "code"), _named_city, 3, "text"), "--categorical", "code"
    ),
    regressor("CatBoost-regressor", _catboost_value, gappy),
]  # fmt: skip
