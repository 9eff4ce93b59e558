"""Every classifier and regressor of scikit-learn by skops: served with its own answers, or refused with a way that works."""

from __future__ import annotations

import warnings
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import uniform
from sklearn.base import is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, DotProduct, Matern, RationalQuadratic, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import DistanceMetric
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, RepeatedStratifiedKFold, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer
from sklearn.utils import all_estimators
from skops.io import dump

from vitals.errors import ModelMismatch
from vitals.model.artefact import Artefact, open_artefact
from vitals.model_formats.neighbours import remake_neighbours
from vitals.model_formats.skops_format import read_skops
from vitals.model_formats.splines import check_splines

_ROWS = np.abs(np.random.default_rng(0).normal(size=(60, 3)))
_CLASSES = np.arange(60) % 3
_TWO = np.arange(60) % 2
_ROWS[:, 0] += _CLASSES
_VALUES = _ROWS[:, 0] * 2 + 1
_GIVEN: dict[str, dict[str, Any]] = {
    "RANSACRegressor": {},
    "VotingClassifier": {"estimators": [("a", LogisticRegression())], "voting": "soft"},
    "SparseCoder": {"dictionary": np.eye(3)},
    "ColumnTransformer": {"transformers": []},
    "Pipeline": {"steps": [("a", LogisticRegression())]},
    "FeatureUnion": {"transformer_list": []},
}


def _made(name: str, kind: Any) -> Any:
    if name in _GIVEN:
        return kind(**_GIVEN[name])
    parameters = signature(kind).parameters
    member: Any = Ridge() if "Regress" in name else LogisticRegression()
    given: dict[str, Any] = {"estimator": member, "base_estimator": member, "estimators": [("a", member), ("b", member)]}
    given |= {"param_grid": {"C": [1.0]}, "param_distributions": {"C": [1.0]}}
    made = {one: given[one] for one in given if one in parameters and parameters[one].default in (parameters[one].empty, None)}
    if "Frozen" in name:
        made["estimator"] = LogisticRegression().fit(_ROWS, _CLASSES)
    if "RandomizedSearch" in name:
        made["n_iter"] = 1
    return kind(**made)


def _families() -> list[tuple[str, Any]]:
    found = [(name, _made(name, kind)) for name, kind in all_estimators()]
    return [(name, one) for name, one in found if is_classifier(one) or is_regressor(one)]


def _fit(name: str, estimator: Any) -> Any:
    """Fitted on the target that it takes: classes, two classes, values, or (of several targets only) two columns."""
    rows = _ROWS[:, :1] if name == "IsotonicRegression" else _ROWS
    for target in (_CLASSES, _TWO) if is_classifier(estimator) else (_VALUES, np.c_[_VALUES, _VALUES]):
        try:
            return estimator.fit(rows, target)
        except (ValueError, IndexError):
            continue
    return estimator.fit(rows, np.c_[_TWO, _TWO])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "estimator"), _families(), ids=[name for name, _ in _families()])
def test_every_estimator_is_served_or_refused_with_its_cause(tmp_path: Path, name: str, estimator: Any) -> None:
    path = tmp_path / "model.skops"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = _fit(name, estimator)
        dump(fitted, path)
        opened = _opened(path)
        if isinstance(opened, str):
            assert any(cause in opened for cause in _CAUSES), opened
            return
        read = read_skops(path).estimator
        rows = _ROWS[:, : opened.width]
        assert np.array_equal(read.predict(rows), fitted.predict(rows))
        if opened.task == "classification":
            assert np.array_equal(read.predict_proba(rows), fitted.predict_proba(rows))


_CAUSES = ("gives no probabilities; ", "multi-label ", "multi-output ", "does not say how many features")
"""The last is IsotonicRegression's, a function of one number."""


def _opened(path: Path) -> Artefact | str:
    try:
        return open_artefact(path)
    except ModelMismatch as refused:
        return str(refused)


_OPTIONS = [
    KNeighborsClassifier(algorithm="ball_tree"),
    KNeighborsClassifier(algorithm="brute"),
    KNeighborsClassifier(weights="distance", p=3),
    KNeighborsClassifier(metric="manhattan"),
    KNeighborsClassifier(metric="seuclidean", metric_params={"V": np.ones(3)}),
    KNeighborsClassifier(metric="cosine"),
    RadiusNeighborsClassifier(radius=5),
    GaussianProcessClassifier(RBF() + WhiteKernel() * Matern() + RationalQuadratic() + DotProduct() ** 2),
    GaussianProcessClassifier(multi_class="one_vs_one"),
    GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3, 5]}, scoring="accuracy"),
    GridSearchCV(LogisticRegression(), {"C": [1, 2]}, scoring=["f1_macro", "accuracy"], refit="accuracy"),
    GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=2)),
    TunedThresholdClassifierCV(LogisticRegression(), scoring="f1"),
    CalibratedClassifierCV(LogisticRegression(), method="temperature"),
    make_pipeline(SelectKBest(k=2), LogisticRegression()),
    make_pipeline(SplineTransformer(n_knots=3), LogisticRegression()),
]


@pytest.mark.slow
@pytest.mark.parametrize("estimator", _OPTIONS, ids=str)
def test_options_of_estimators_are_read_too(tmp_path: Path, estimator: Any) -> None:
    fitted = estimator.fit(_ROWS, _TWO)
    dump(fitted, tmp_path / "model.skops")
    read = read_skops(tmp_path / "model.skops").estimator
    assert np.array_equal(read.predict_proba(_ROWS), fitted.predict_proba(_ROWS))


def test_a_search_that_can_not_be_read_is_saved_as_what_it_found(tmp_path: Path) -> None:
    search = RandomizedSearchCV(LogisticRegression(), {"C": uniform(1, 2)}, n_iter=2).fit(_ROWS, _TWO)
    dump(search, tmp_path / "search.skops")
    with pytest.raises(ModelMismatch, match=r"save the estimator that the RandomizedSearchCV found, `search\.best_estimator_`"):
        open_artefact(tmp_path / "search.skops")
    dump(search.best_estimator_, tmp_path / "found.skops")
    assert open_artefact(tmp_path / "found.skops").classes == ("0", "1")


def test_what_skops_can_not_trust_goes_by_a_pickle_or_onnx(tmp_path: Path) -> None:
    model = LogisticRegression().fit(_ROWS, _TWO)
    model.notes = Path("/tmp")
    dump(model, tmp_path / "model.skops")
    with pytest.raises(ModelMismatch, match=r"not trusted \(pathlib.*as a pickle.*ALLOW_PICKLE=true.*or save it as ONNX"):
        open_artefact(tmp_path / "model.skops")


def _neighbours(**options: Any) -> Any:
    return KNeighborsClassifier(**options).fit(_ROWS, _CLASSES)


def _with(model: Any, **changes: Any) -> Any:
    vars(model).update(changes)
    return model


_SPARSE = csr_matrix(_ROWS)
_SPARSE.indices = _SPARSE.indices + 1000


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (_with(_neighbours(algorithm="brute"), _y=np.full(60, 10**6)), "a class that does not exist"),
        (_with(_neighbours(algorithm="brute"), _y=np.full(60, -1)), "a class that does not exist"),
        (_with(_neighbours(), _y=np.zeros(60)), "no whole numbers"),
        (_with(_neighbours(), _y=np.zeros(3, dtype=int)), "another number of answers"),
        (_with(_neighbours(), n_features_in_=1), "another shape"),
        (_with(_neighbours(algorithm="brute"), n_features_in_=7), "another shape"),
        (_with(_neighbours(), n_samples_fit_=10**6), "another shape"),
        (_with(_neighbours(), effective_metric_=print), "a metric that scikit-learn does not have"),
        (_with(_neighbours(), _fit_method="other"), "a way or a metric"),
        (_with(_neighbours(), effective_metric_="seuclidean", effective_metric_params_={"V": np.ones(1)}), "size of V|[Mm]etric"),
        (_with(_neighbours(), spare=_neighbours()._tree), "stands where scikit-learn puts none"),
        (_with(_neighbours(), metric=DistanceMetric.get_metric("euclidean")), "stands where scikit-learn puts none"),
        (_with(KNeighborsClassifier().fit(csr_matrix(_ROWS), _CLASSES), _fit_X=_SPARSE), "ind"),
    ],
)
def test_neighbours_that_do_not_hang_together_are_refused(model: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        remake_neighbours(model)


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_a_tree_of_neighbours_from_a_file_is_never_followed(algorithm: str) -> None:
    model = KNeighborsRegressor(algorithm=algorithm).fit(_ROWS, _VALUES)
    expected = model.predict(_ROWS)
    state = list(model._tree.__getstate__())
    state[1] = state[1] + 10**6  # the numbers of the rows, which the search reads without a look
    model._tree.__setstate__(tuple(state))
    remake_neighbours(model)
    assert np.array_equal(model.predict(_ROWS), expected)


@pytest.mark.parametrize("change", [{"k": 50}, {"t": np.ones(2)}, {"c": np.ones((1, 1))}, {"t": None}])
def test_a_spline_that_does_not_hang_together_is_refused(change: dict[str, Any]) -> None:
    made = SplineTransformer(n_knots=3).fit(_ROWS)
    check_splines(made)
    for name, value in change.items():
        object.__setattr__(made.bsplines_[0], "_" + name if hasattr(made.bsplines_[0], "_" + name) else name, value)
    with pytest.raises(ValueError, match="do not belong together"):
        check_splines(made)
