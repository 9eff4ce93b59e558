"""What a model says of its columns: for every kind of step that keeps categories, and through all that wraps one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from vitals.estimators.known_columns import KnownColumn, known_columns

ROWS = 120
_draw = np.random.default_rng(3)
TABLE = pd.DataFrame(
    {
        "size": _draw.normal(size=ROWS),
        "zip": _draw.choice(["02139", "10001"], ROWS),
        "code": _draw.integers(1, 4, ROWS),
        "member": _draw.random(ROWS) < 0.5,
    }
)
TRUTH = (TABLE["size"] > 0).astype(int)
ZIP = KnownColumn(("02139", "10001"), "object", takes_categories=True)
CODE = KnownColumn((1, 2, 3), "int64", takes_categories=True)


def _steps() -> Any:
    return make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["zip", "code"]), remainder="passthrough")


def _model() -> Any:
    return make_pipeline(_steps(), LogisticRegression())


WRAPPED = {
    "pipeline": _model,
    "grid search": lambda: GridSearchCV(_model(), {"logisticregression__C": [1, 2]}, cv=2),
    "calibrated": lambda: CalibratedClassifierCV(_model(), cv=2),
    "calibrated frozen": lambda: CalibratedClassifierCV(FrozenEstimator(_model().fit(TABLE, TRUTH))),
    "voting": lambda: VotingClassifier([("a", _model()), ("b", _model())], voting="soft"),
    "stacking": lambda: StackingClassifier([("a", _model())], cv=2),
    "threshold": lambda: FixedThresholdClassifier(_model()),
    "frozen": lambda: FrozenEstimator(_model().fit(TABLE, TRUTH)),
    "one against the rest": lambda: make_pipeline(_steps(), OneVsRestClassifier(LogisticRegression())),
    "target": lambda: TransformedTargetRegressor(make_pipeline(_steps(), Ridge())),
    "pipeline in a pipeline": lambda: make_pipeline(
        make_pipeline("passthrough", _steps()), StandardScaler(), LogisticRegression()
    ),
    "columns chosen by type": lambda: make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), make_column_selector("zip|code")), remainder=StandardScaler()
        ),
        LogisticRegression(),
    ),
    "union": lambda: make_pipeline(
        make_union(_steps(), make_column_transformer((StandardScaler(), ["size"]))), LogisticRegression()
    ),
    "identity": lambda: make_pipeline(FunctionTransformer(), _steps(), LogisticRegression()),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_an_encoder_is_found_inside(kind: str) -> None:
    model = WRAPPED[kind]().fit(TABLE, TRUTH)
    assert known_columns(model, list(TABLE.columns)) == {"zip": ZIP, "code": CODE}


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder(), TargetEncoder()])
def test_each_encoder_says_whether_it_refuses_others(encoder: Any) -> None:
    model = make_pipeline(encoder, LogisticRegression()).fit(TABLE[["zip", "code"]], TRUTH)
    known = known_columns(model, ["zip", "code"])
    assert known["zip"].categories == ("02139", "10001")
    assert known["code"].categories == (1, 2, 3)
    assert known["zip"].refuses_unknown == (not isinstance(encoder, TargetEncoder))


def test_an_encoder_behind_a_step_that_changes_values_says_nothing_of_the_column() -> None:
    texts = make_pipeline(FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": str}), OneHotEncoder())
    model = make_pipeline(make_column_transformer((texts, ["code"]), (OneHotEncoder(), ["zip"])), LogisticRegression())
    assert list(known_columns(model.fit(TABLE, TRUTH), list(TABLE.columns))) == ["zip"]
    scaled = make_pipeline(StandardScaler(), OrdinalEncoder(), LogisticRegression()).fit(TABLE[["code"]], TRUTH)
    assert known_columns(scaled, ["code"]) == {}


def test_columns_are_followed_through_imputers_choices_and_other_orders() -> None:
    first = make_column_transformer((SimpleImputer(strategy="most_frequent"), ["zip"]), ("passthrough", ["code"]))
    model = make_pipeline(first, make_column_transformer((OneHotEncoder(), [0]), (OrdinalEncoder(), [1])), LogisticRegression())
    known = known_columns(model.fit(TABLE, TRUTH), list(TABLE.columns))
    assert known["zip"].categories == ("02139", "10001")
    assert known["code"].categories == (1, 2, 3)
    assert known["zip"].gap == "nan"  # the imputer's
    chosen = make_pipeline(SelectKBest(k=2), OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    numbers = TABLE[["member", "size", "code"]].astype({"member": int}).assign(size=TRUTH * (TABLE["size"] > 0.1))
    kept = chosen.fit(numbers, TRUTH)[0].get_feature_names_out()
    assert set(known_columns(chosen, list(numbers.columns))) == set(kept)
    bagged = BaggingClassifier(
        make_pipeline(OneHotEncoder(), LogisticRegression()), n_estimators=4, max_features=1, random_state=0
    )
    known = known_columns(bagged.fit(TABLE[["zip", "code"]], TRUTH), ["zip", "code"])
    assert known["zip"].categories == ("02139", "10001")
    assert known["code"].categories == (1, 2, 3)
    assert known["code"].dtype is None  # an array of objects does not say


def test_a_column_that_is_a_number_as_well_says_so() -> None:
    steps = make_column_transformer((OneHotEncoder(), ["code"]), ("passthrough", ["code", "size"]))
    known = known_columns(make_pipeline(steps, LogisticRegression()).fit(TABLE, TRUTH), list(TABLE.columns))
    assert known["code"].also_number
    looked_at = make_column_transformer((OneHotEncoder(), ["code"]), (MissingIndicator(features="all"), ["code"]))
    known = known_columns(make_pipeline(looked_at, LogisticRegression()).fit(TABLE, TRUTH), list(TABLE.columns))
    assert not known["code"].also_number


@pytest.mark.parametrize(("gap", "told"), [(None, "none"), (np.nan, "nan")])
def test_a_gap_is_told_as_it_was_learned(gap: Any, told: str) -> None:
    zips = TABLE[["zip"]].astype(object)
    zips.iloc[::7, 0] = gap
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(zips, TRUTH)
    assert known_columns(model, ["zip"])["zip"] == KnownColumn(
        ("02139", "10001"), "object", told, refuses_unknown=True, takes_categories=True
    )
    filled = make_pipeline(
        SimpleImputer(missing_values=gap, strategy="constant", fill_value="none"), OneHotEncoder(), LogisticRegression()
    )
    assert known_columns(filled.fit(zips, TRUTH), ["zip"])["zip"].gap == told


def test_models_without_categories_and_other_things_know_nothing() -> None:
    numbers = TABLE[["size", "code"]]
    names = list(numbers.columns)
    for model in (
        LogisticRegression(),
        RandomForestClassifier(3),
        RFE(LogisticRegression()),
        HistGradientBoostingClassifier(max_iter=2),
    ):
        assert known_columns(model.fit(numbers, TRUTH), names) == {}
    for other in (None, object(), "text", {"model": 1}, LogisticRegression(), _steps()):
        assert known_columns(other, names) == {}


@pytest.mark.parametrize("words", [CountVectorizer, TfidfVectorizer])
def test_free_text_is_told(words: Any) -> None:
    texts = pd.DataFrame({"said": np.where(TRUTH == 1, "good and fine", "bad or poor"), "size": TABLE["size"]})
    model = make_pipeline(make_column_transformer((words(), "said"), remainder="passthrough"), LogisticRegression())
    assert known_columns(model.fit(texts, TRUTH), ["said", "size"]) == {"said": KnownColumn(dtype="object", free_text=True)}
    assert known_columns(make_pipeline(words(), LogisticRegression()).fit(texts["said"], TRUTH), ["said"])["said"].free_text


CATEGORIES = TABLE[["size", "zip", "code"]].astype({"zip": "category", "code": "category"})


def test_hist_gradient_boosting_knows_its_category_columns() -> None:
    """Its encoder has a private name: scikit-learn is held below 1.10 in pyproject.toml."""
    known = known_columns(HistGradientBoostingClassifier(max_iter=2).fit(CATEGORIES, TRUTH), list(CATEGORIES.columns))
    assert {name: (one.categories, one.dtype) for name, one in known.items()} == {
        "zip": (("02139", "10001"), "category"),
        "code": ((1, 2, 3), "category"),
    }
    named = HistGradientBoostingClassifier(max_iter=2, categorical_features=["zip"]).fit(TABLE[["size", "zip"]], TRUTH)
    assert known_columns(named, ["size", "zip"]) == {"zip": ZIP}


def test_xgboost_knows_its_category_columns() -> None:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=2, enable_categorical=True).fit(CATEGORIES, TRUTH)
    known = known_columns(model, list(CATEGORIES.columns))
    assert {name: (one.categories, one.dtype, one.refuses_unknown) for name, one in known.items()} == {
        "zip": (("02139", "10001"), "category", True),
        "code": ((1, 2, 3), "category", True),
    }
    assert known_columns(XGBClassifier(n_estimators=2).fit(TABLE[["size", "code"]], TRUTH), ["size", "code"]) == {}


def test_lightgbm_knows_its_category_columns() -> None:
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(n_estimators=2, verbose=-1).fit(CATEGORIES, TRUTH)
    assert known_columns(model, list(CATEGORIES.columns)) == {
        "zip": KnownColumn(("02139", "10001"), "category", takes_categories=True),
        "code": KnownColumn((1, 2, 3), "category", takes_categories=True),
    }
    whole = LGBMClassifier(n_estimators=2, verbose=-1).fit(TABLE[["size", "code"]], TRUTH, categorical_feature=["code"])
    assert known_columns(whole, ["size", "code"]) == {"code": KnownColumn(takes_categories=True)}


def test_catboost_knows_which_columns_are_categories() -> None:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(iterations=2, verbose=0, cat_features=["zip"], allow_writing_files=False)
    assert known_columns(model.fit(TABLE[["size", "zip"]], TRUTH), ["size", "zip"]) == {"zip": KnownColumn(takes_categories=True)}
