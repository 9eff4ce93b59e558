"""scikit-learn's families of estimators: each on a mixed table with gaps, and on a table of numbers.

The latter go round: float32 from Parquet, whole numbers, 10 or 50 classes; and so do the types of the classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn import ensemble, linear_model, model_selection, naive_bayes, neighbors, neural_network, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from .case import Case, classifier, on_mixed, regressor
from .tables import counts, mixed, numbers

logistic = partial(linear_model.LogisticRegression, max_iter=500)
forest = partial(ensemble.RandomForestClassifier, 10, random_state=0)
threshold = partial(model_selection.FixedThresholdClassifier, response_method="predict_proba")

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "LogisticRegression": logistic,
    "LogisticRegressionCV": lambda: linear_model.LogisticRegressionCV(
        Cs=2, cv=3, max_iter=500, l1_ratios=(0.0,), use_legacy_attributes=False, scoring="neg_log_loss"
    ),
    "SGD": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "LDA": LinearDiscriminantAnalysis,
    "QDA": lambda: QuadraticDiscriminantAnalysis(reg_param=0.1),
    "GaussianNB": naive_bayes.GaussianNB,
    "KNN": lambda: neighbors.KNeighborsClassifier(7),
    "RadiusNeighbors": lambda: neighbors.RadiusNeighborsClassifier(100.0, weights="distance"),
    "NearestCentroid": lambda: neighbors.NearestCentroid(),
    "DecisionTree": lambda: tree.DecisionTreeClassifier(max_depth=4, random_state=0),
    "ExtraTree": lambda: tree.ExtraTreeClassifier(max_depth=6, random_state=0),
    "RandomForest": forest,
    "ExtraTrees": lambda: ensemble.ExtraTreesClassifier(10, random_state=0),
    "GradientBoosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
    "HistGradientBoosting": lambda: ensemble.HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5),
    "AdaBoost": lambda: ensemble.AdaBoostClassifier(n_estimators=8, random_state=0),
    "Bagging": lambda: ensemble.BaggingClassifier(n_estimators=5, random_state=0),
    "Voting": lambda: ensemble.VotingClassifier([("l", logistic()), ("f", forest())], voting="soft"),
    "Stacking": lambda: ensemble.StackingClassifier([("l", logistic()), ("f", forest())], logistic(), cv=3),
    "MLP": lambda: neural_network.MLPClassifier((8,), max_iter=30, random_state=0),
    "SVC": lambda: svm.SVC(probability=True, random_state=0),
    "NuSVC": lambda: svm.NuSVC(nu=0.1, probability=True, random_state=0),
    "Calibrated": lambda: CalibratedClassifierCV(svm.LinearSVC(), cv=3),
    "CalibratedIsotonic": lambda: CalibratedClassifierCV(forest(), method="isotonic", cv=3),
    "OneVsRest": lambda: OneVsRestClassifier(logistic()),
    "GaussianProcess": lambda: GaussianProcessClassifier(optimizer=None),
    "Dummy": lambda: DummyClassifier(strategy="prior"),
    "GridSearch": lambda: model_selection.GridSearchCV(logistic(), {"C": [0.1, 1.0]}, cv=3),
    "RandomizedSearch": lambda: model_selection.RandomizedSearchCV(
        tree.DecisionTreeClassifier(random_state=0), {"max_depth": [2, 3, 4]}, n_iter=2, cv=3, random_state=0
    ),
    "LabelSpreading": lambda: LabelSpreading(kernel="knn", n_neighbors=7),
    "SelfTraining": lambda: SelfTrainingClassifier(logistic()),
}
TWO_CLASSES: dict[str, Callable[[], Any]] = {
    "FixedThreshold": lambda: threshold(logistic(), threshold=0.2),
    "TunedThreshold": lambda: model_selection.TunedThresholdClassifierCV(logistic(), scoring="recall_macro", thresholds=12, cv=3),
}
COUNTING: dict[str, Callable[[], Any]] = {
    "MultinomialNB": naive_bayes.MultinomialNB,
    "ComplementNB": naive_bayes.ComplementNB,
    "BernoulliNB": lambda: naive_bayes.BernoulliNB(binarize=4.0),
    "CategoricalNB": lambda: naive_bayes.CategoricalNB(min_categories=12),
}

MIXED = ((3, "integers"), (2, "text"), (2, "booleans"), (3, "negative"), (5, "text"))
LARGE = partial(numbers, 300)
OF_NUMBERS: tuple[dict[str, Any], ...] = (
    {"table": partial(numbers, 150, dtype="float32"), "file": "parquet", "classes": 10, "labels": "padded", "reading": {}},
    {"table": LARGE, "classes": 50, "labels": "text"},
    {"table": counts, "classes": 3, "labels": "padded", "reading": {"dtype": {"y": str}}},
    {"table": partial(counts, 150), "classes": 10, "labels": "integers", "by_array": True},
    {"table": numbers, "classes": 2, "labels": "booleans"},
    {"table": LARGE, "classes": 50, "labels": "integers", "by_array": True},
    {"table": partial(numbers, dtype="float32"), "file": "parquet", "classes": 2, "labels": "floats"},
    {"table": partial(numbers, 240), "classes": 2, "labels": "negative", "held_out": True},
    {"table": counts, "classes": 2, "labels": "true or false", "reading": {"dtype": {"y": str}}},
)
_FEW = ("CalibratedIsotonic", "GaussianProcess", "NuSVC", "QDA", "RadiusNeighbors")
"""Families whose time or rows do not do for 50 classes."""


def _of_numbers(place: int, family: str, estimator: Callable[[], Any]) -> Case:
    chosen = dict(OF_NUMBERS[place % len(OF_NUMBERS)])
    if chosen["classes"] > 3 and family in _FEW:
        chosen = {"table": numbers, "classes": 3, "labels": "floats"}
    kind = getattr(chosen["table"], "func", chosen["table"]).__name__
    kind = {"float32": "float32"}.get(getattr(chosen["table"], "keywords", {}).get("dtype", ""), kind)
    return classifier(f"{family}-{kind}", estimator, **chosen)


def _classifiers() -> list[Case]:
    made = []
    for place, (family, estimator) in enumerate(CLASSIFIERS.items()):
        made.append(
            classifier(
                f"{family}-mixed_gaps",
                lambda one=estimator: on_mixed(one()),
                partial(mixed, gaps=0.1),
                *MIXED[place % len(MIXED)],
            )
        )
        made.append(_of_numbers(place, family, estimator))
    for family, estimator in TWO_CLASSES.items():
        made.append(classifier(f"{family}-numbers", estimator, numbers, 2, "text"))
        made.append(classifier(f"{family}-numbers", estimator, numbers, 2, "booleans"))
        made.append(
            classifier(f"{family}-mixed_gaps", lambda one=estimator: on_mixed(one()), partial(mixed, gaps=0.1), 2, "integers")
        )
    for family, estimator in COUNTING.items():
        made.append(classifier(f"{family}-counts", estimator, counts, 2, "text"))
        made.append(classifier(f"{family}-counts", estimator, partial(counts, 150), 10, "integers", by_array=True))
        made.append(classifier(f"{family}-counts", estimator, partial(counts, 300), 50, "text"))
    return made


trees = partial(ensemble.RandomForestRegressor, 10, random_state=0)
REGRESSORS: dict[str, Callable[[], Any]] = {
    "LinearRegression": linear_model.LinearRegression,
    "Ridge": linear_model.Ridge,
    "RidgeCV": linear_model.RidgeCV,
    "Lasso": lambda: linear_model.Lasso(0.01),
    "ElasticNet": lambda: linear_model.ElasticNet(0.01),
    "BayesianRidge": linear_model.BayesianRidge,
    "Huber": lambda: linear_model.HuberRegressor(max_iter=500),
    "Quantile": lambda: linear_model.QuantileRegressor(alpha=0.01),
    "Poisson": lambda: linear_model.PoissonRegressor(max_iter=500),
    "Tweedie": lambda: linear_model.TweedieRegressor(power=1.5, max_iter=500),
    "KNNRegressor": neighbors.KNeighborsRegressor,
    "TreeRegressor": lambda: tree.DecisionTreeRegressor(max_depth=4, random_state=0),
    "ForestRegressor": trees,
    "GradientBoostingRegressor": lambda: ensemble.GradientBoostingRegressor(n_estimators=10, random_state=0),
    "HistGradientBoostingRegressor": lambda: ensemble.HistGradientBoostingRegressor(max_iter=10),
    "HistPoisson": lambda: ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=10),
    "AdaBoostRegressor": lambda: ensemble.AdaBoostRegressor(n_estimators=5, random_state=0),
    "SVR": svm.SVR,
    "MLPRegressor": lambda: neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, random_state=0),
    "GaussianProcessRegressor": lambda: GaussianProcessRegressor(RBF() + WhiteKernel(), optimizer=None),
    "KernelRidge": lambda: KernelRidge(alpha=0.1, kernel="rbf"),
    "PLS": lambda: PLSRegression(2),
    "TransformedTarget": lambda: TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1),
    "TransformedByPower": lambda: TransformedTargetRegressor(linear_model.Ridge(), transformer=PowerTransformer()),
    "VotingRegressor": lambda: ensemble.VotingRegressor([("r", linear_model.Ridge()), ("f", trees())]),
    "StackingRegressor": lambda: ensemble.StackingRegressor([("r", linear_model.Ridge()), ("f", trees())], cv=3),
    "DummyRegressor": DummyRegressor,
    "GridSearchRegressor": lambda: model_selection.GridSearchCV(
        make_pipeline(StandardScaler(), linear_model.Ridge()), {"ridge__alpha": [0.1, 1.0]}, cv=3
    ),
}


def _regressors() -> list[Case]:
    made = []
    for place, (family, estimator) in enumerate(REGRESSORS.items()):
        if place % 3 == 0:
            made.append(regressor(f"{family}-float32", estimator, partial(numbers, dtype="float32"), file="parquet"))
        elif place % 3 == 1:
            made.append(regressor(f"{family}-numbers", estimator, numbers, by_array=True))
        else:
            made.append(regressor(f"{family}-counts", estimator, partial(counts, 240), held_out=True))
        if place % 2:
            made.append(regressor(f"{family}-mixed_gaps", lambda one=estimator: on_mixed(one()), partial(mixed, gaps=0.1)))
    return made


CASES = [*_classifiers(), *_regressors()]
