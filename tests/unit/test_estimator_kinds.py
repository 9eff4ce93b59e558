"""What is refused as a model, and in which words: each kind by its own cause, with what to do."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge, RidgeClassifier, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from vitals.errors import DataError, ModelMismatch
from vitals.model.artefact import Artefact, open_artefact
from vitals.profiling.bundle import Card, Reference, make_folder

_RANDOM = np.random.default_rng(3)
_ROWS = _RANDOM.normal(size=(120, 4))
_TABLE = pd.DataFrame(_ROWS, columns=list("abcd"))
_MARKS = (_ROWS[:, :3] > 0).astype(int)
_TWO = _MARKS[:, 0]
_THREE = np.arange(120) % 3
_VALUES = _ROWS[:, :2] * 2
_TEXTS = ["a good film", "a bad film", "neither"] * 40


class BehindBase(BaseEstimator, ClassifierMixin):  # type: ignore[misc]  # scikit-learn ships no types
    """Its mixin stands behind BaseEstimator, as many people write it, which hides its tags."""

    def fit(self, rows: Any, _: Any) -> BehindBase:
        self.classes_, self.n_features_in_ = np.array(["no", "yes"]), rows.shape[1]
        return self

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), "no")

    def predict_proba(self, rows: Any) -> Any:
        return np.tile([0.75, 0.25], (len(rows), 1))


class WithoutBase:
    """An estimator of a package that inherits nothing, with its classes as a list."""

    _estimator_type = "classifier"

    def __init__(self) -> None:
        self.classes_, self.n_features_in_ = ["no", "yes"], 4

    def fit(self, *_: Any) -> WithoutBase:
        return self

    predict, predict_proba = BehindBase.predict, BehindBase.predict_proba


def a_function(row: Any) -> Any:
    return row


def _opened(tmp_path: Path, saved: Any) -> Artefact:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(saved))
    return open_artefact(path, allow_pickle=True)


def _fitted(estimator: Any, rows: Any, truth: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(rows, truth)


_LABELS = [
    OneVsRestClassifier(LogisticRegression()),
    MLPClassifier((4,), max_iter=5),
    KNeighborsClassifier(),
    RadiusNeighborsClassifier(radius=9),
    DecisionTreeClassifier(),
    RandomForestClassifier(3),
    DummyClassifier(),
    MultiOutputClassifier(LogisticRegression()),
    ClassifierChain(LogisticRegression()),
    RidgeClassifier(),
    make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())),
    make_pipeline(make_column_transformer((StandardScaler(), ["a", "b"]), remainder="passthrough"), RandomForestClassifier(3)),
    GridSearchCV(MLPClassifier((4,), max_iter=5), {"alpha": [1]}, cv=2),
    GridSearchCV(OneVsRestClassifier(LogisticRegression()), {"estimator__C": [1]}, cv=2),
]


@pytest.mark.parametrize("estimator", _LABELS, ids=lambda one: type(one).__name__)
def test_labels_of_which_any_number_may_hold_are_refused(tmp_path: Path, estimator: Any) -> None:
    with pytest.raises(ModelMismatch, match=r"multi-label .* of 3 labels .* one model a label"):
        _opened(tmp_path, _fitted(estimator, _TABLE, _MARKS))


_TARGETS = [
    LinearRegression(),
    Ridge(),
    PLSRegression(),
    KNeighborsRegressor(),
    RandomForestRegressor(3),
    MLPRegressor(hidden_layer_sizes=(4,), max_iter=5),
    GaussianProcessRegressor(),
    MultiOutputRegressor(Ridge()),
    RegressorChain(Ridge()),
    TransformedTargetRegressor(Ridge()),
    make_pipeline(StandardScaler(), GridSearchCV(Ridge(), {"alpha": [1]}, cv=2)),
]


@pytest.mark.parametrize("estimator", _TARGETS, ids=lambda one: type(one).__name__)
def test_several_targets_are_refused(tmp_path: Path, estimator: Any) -> None:
    with pytest.raises(ModelMismatch, match=r"multi-output .* 2 targets .* one model a target"):
        _opened(tmp_path, _fitted(estimator, _TABLE, _VALUES))


def test_two_columns_of_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="multi-output DecisionTreeClassifier: it predicts 2 targets"):
        _opened(tmp_path, DecisionTreeClassifier().fit(_ROWS, np.c_[_TWO, _THREE]))


@pytest.mark.parametrize("estimator", [LinearRegression(), PLSRegression(), KNeighborsRegressor()], ids=str)
def test_one_target_in_a_column_is_one_target(tmp_path: Path, estimator: Any) -> None:
    assert _opened(tmp_path, _fitted(estimator, _ROWS, _VALUES[:, :1])).task == "regression"


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((4,), max_iter=5),
        OneVsRestClassifier(LogisticRegression()),
        RandomForestClassifier(3),
        KNeighborsClassifier(),
        FrozenEstimator(LogisticRegression().fit(_ROWS, _THREE)),
    ],
    ids=str,
)
@pytest.mark.parametrize("classes", [2, 3])
def test_one_of_several_classes_is_one_answer(tmp_path: Path, estimator: Any, classes: int) -> None:
    opened = _opened(tmp_path, _fitted(estimator, _ROWS, np.arange(120) % classes))
    assert opened.classes is not None
    assert len(opened.classes) in (classes, 3)  # what is frozen is not fitted again


_NO_MODEL: list[tuple[Any, str]] = [
    (IsolationForest(n_estimators=3).fit(_ROWS), r"an IsolationForest, an outlier detector.*fitted classifier"),
    (OneClassSVM().fit(_ROWS), "an outlier detector"),
    (KMeans(n_clusters=2).fit(_ROWS), "a KMeans, a clusterer"),
    (make_pipeline(StandardScaler(), KMeans(n_clusters=2)).fit(_ROWS), "a KMeans, a clusterer"),
    (GaussianMixture().fit(_ROWS), "a density estimator"),
    (StandardScaler().fit(_ROWS), "a StandardScaler, which only transforms rows: save the pipeline"),
    (make_pipeline(StandardScaler(), MinMaxScaler()).fit(_ROWS), "a MinMaxScaler, which only transforms"),
    (Pipeline([("a", StandardScaler()), ("b", "passthrough")]).fit(_ROWS), "which only transforms"),
    (LogisticRegression(), "a LogisticRegression that is not fitted: call its fit"),
    (make_pipeline(StandardScaler(), LogisticRegression()), "not fitted"),
    (GridSearchCV(LogisticRegression(), {"C": [1]}), "not fitted"),
    (RandomForestRegressor(), "not fitted"),
    (SVC(), "an SVC that is not fitted"),
    (LogisticRegression, "the class LogisticRegression, not an instance"),
    (
        {"scaler": StandardScaler(), "model": LogisticRegression()},
        r"a dict of 2 entries: save the LogisticRegression in \['model'\]",
    ),
    ({"accuracy": 0.9}, "a dict of one entry, none of which predicts"),
    ((StandardScaler(), LogisticRegression()), r"a tuple of 2 entries: save the LogisticRegression in \[1\]"),
    ([1, 2], "a list of 2 entries, none of which predicts"),
    (None, "holds None: a fitted estimator"),
    (_ROWS, r"an ndarray of the shape \(120, 4\), which is no estimator"),
    (_TABLE, "a DataFrame, which is no estimator"),
    ("model", "a str, which is no estimator"),
    (a_function, "the function a_function"),
    (DummyClassifier().fit(_ROWS, np.zeros(120)), "knows one class only"),
]


@pytest.mark.parametrize(("saved", "said"), _NO_MODEL, ids=[said for _, said in _NO_MODEL])
def test_what_is_no_model_is_named(tmp_path: Path, saved: Any, said: str) -> None:
    with pytest.raises(ModelMismatch, match=said):
        _opened(tmp_path, saved)


@pytest.mark.parametrize(
    ("estimator", "way"),
    [
        (RidgeClassifier(), r"CalibratedClassifierCV\(RidgeClassifier"),
        (LinearSVC(), r"CalibratedClassifierCV\(LinearSVC"),
        (Perceptron(), r"CalibratedClassifierCV\(Perceptron"),
        (SGDClassifier(), "loss='log_loss'"),
        (SVC(), r"CalibratedClassifierCV\(SVC"),
        (NuSVC(nu=0.1), r"CalibratedClassifierCV\(NuSVC"),
        (make_pipeline(StandardScaler(), SVC()), r"CalibratedClassifierCV\(SVC"),
        (GridSearchCV(LinearSVC(), {"C": [1]}), r"CalibratedClassifierCV\(LinearSVC"),
        (TunedThresholdClassifierCV(LinearSVC()), r"CalibratedClassifierCV\(LinearSVC"),
        (VotingClassifier([("a", LogisticRegression())]), "voting='soft'"),
        (OneVsRestClassifier(LinearSVC()), "put a classifier that has predict_proba into it"),
        (OneVsOneClassifier(LinearSVC()), "OneVsRestClassifier"),
        (OutputCodeClassifier(LogisticRegression()), "OneVsRestClassifier"),
    ],
    ids=str,
)
def test_a_classifier_without_probabilities_gets_a_way_to_have_them(tmp_path: Path, estimator: Any, way: str) -> None:
    with pytest.raises(ModelMismatch, match=f"gives no probabilities; .*{way}"):
        _opened(tmp_path, _fitted(estimator, _ROWS, _TWO))


@pytest.mark.parametrize(
    "estimator", [BehindBase().fit(_ROWS, _TWO), WithoutBase(), make_pipeline(StandardScaler(), BehindBase()).fit(_ROWS, _TWO)]
)
def test_what_behaves_as_a_classifier_is_one(tmp_path: Path, estimator: Any) -> None:
    opened = _opened(tmp_path, estimator)
    assert (opened.task, opened.classes, opened.width) == ("classification", ("no", "yes"), 4)


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), CountVectorizer(), HashingVectorizer(n_features=8)], ids=str)
def test_a_model_of_texts_alone_is_refused_as_one(tmp_path: Path, vectorizer: Any) -> None:
    with pytest.raises(ModelMismatch, match=f"is a text model: its {type(vectorizer).__name__} reads free text"):
        _opened(tmp_path, make_pipeline(vectorizer, LogisticRegression()).fit(_TEXTS, _THREE))


def test_a_model_with_a_column_of_texts_is_refused_as_one(tmp_path: Path) -> None:
    table = _TABLE.assign(review=[f"{text} {number}" for number, text in enumerate(_TEXTS)])
    columns = make_column_transformer((TfidfVectorizer(), "review"), remainder="passthrough")
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(make_pipeline(columns, LogisticRegression()).fit(table, _THREE)))
    reference = Reference(table.assign(kind=_THREE), "kind")
    with pytest.raises(ModelMismatch, match="its TfidfVectorizer reads free text in column 'review'"):
        make_folder(path, reference, Card("texts"), tmp_path / "served", allow_pickle=True)
    assert not (tmp_path / "served").exists()


def test_several_answers_are_found_where_no_made_up_row_is_taken(tmp_path: Path) -> None:
    """A model of text columns takes no row of zeros; the reference's rows show it."""
    from sklearn.preprocessing import OneHotEncoder

    table = _TABLE.assign(city=np.where(_TWO == 1, "Bern", "Oslo"))
    columns = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(make_pipeline(columns, Ridge()).fit(table, _VALUES)))
    reference = Reference(table.assign(value=_VALUES[:, 0]), "value")
    with pytest.raises(ModelMismatch, match="multi-output Ridge: it predicts 2 targets"):
        make_folder(path, reference, Card("two"), tmp_path / "served", allow_pickle=True)


def test_the_interfaces_of_other_libraries_are_named(tmp_path: Path) -> None:
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    booster = xgboost.XGBClassifier(n_estimators=2).fit(_ROWS, _TWO).get_booster()
    with pytest.raises(ModelMismatch, match="XGBoost's own interface: save the XGBClassifier"):
        _opened(tmp_path, booster)
    with pytest.raises(ModelMismatch, match="LightGBM's own interface: save the LGBMClassifier"):
        _opened(tmp_path, lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(_ROWS, _TWO).booster_)
    with pytest.raises(ModelMismatch, match="multi-label XGBClassifier"):
        _opened(tmp_path, xgboost.XGBClassifier(n_estimators=2).fit(_ROWS, _MARKS))
    with pytest.raises(ModelMismatch, match="an XGBClassifier that is not fitted"):
        _opened(tmp_path, xgboost.XGBClassifier())


def test_a_refusal_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(MLPClassifier((4,), max_iter=5).fit(_ROWS, _MARKS)))
    with pytest.raises((ModelMismatch, DataError)):
        make_folder(path, Reference(_TABLE.assign(y=_TWO), "y"), Card("m"), tmp_path / "served", allow_pickle=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.pkl"]
