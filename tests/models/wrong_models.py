"""Models that can't be served, each with what its refusal has to name. It knows nothing of the service."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import cluster, ensemble, linear_model, multiclass, multioutput, neighbors, neural_network, svm, tree
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io import dump as skops_dump

from .case import TARGET
from .tables import numbers

Words = tuple[str | tuple[str, ...], ...]
"""What a sentence has to name: each of these, or one of several spellings; small and capital letters are the same."""


@dataclass(frozen=True)
class Wrong:
    """What is written into a folder (`model.*` and `data.*`), and what the refusal names."""

    write: Callable[[Path], Any]
    words: Words
    options: tuple[str, ...] = ()
    may_pass: bool = False
    """Whether it may be served as well: then rightly."""
    unsafe_pickle: bool = True


def table(classes: int = 2) -> pd.DataFrame:
    """Numbers, and classes that hang on the first two."""
    features = numbers()
    score = features.a + 0.7 * features.b
    return features.assign(**{TARGET: pd.qcut(score, classes, labels=[f"class {one}" for one in range(classes)]).astype(str)})


def features_of(data: pd.DataFrame) -> pd.DataFrame:
    """All columns but the target."""
    return data.drop(columns=TARGET)


def fitted(estimator: Any, data: pd.DataFrame | None = None) -> Any:
    """`estimator` fitted on `data`."""
    data = table() if data is None else data
    return estimator.fit(features_of(data), data[TARGET])


def logistic() -> Any:
    """A model that can be served."""
    return make_pipeline(StandardScaler(), linear_model.LogisticRegression())


def saved(folder: Path, model: Any, data: pd.DataFrame | None = None, file: str = "model.pickle") -> None:
    """Write `model` and `data` into `folder`."""
    if file.endswith(".skops"):
        skops_dump(model, folder / file)
    else:
        (folder / file).write_bytes(pickle.dumps(model))
    (table() if data is None else data).to_csv(folder / "data.csv", index=False)


def _matrix(estimator: Any, *, values: bool = False) -> Callable[[Path], None]:
    """Fitted on several targets at once."""

    def write(folder: Path) -> None:
        features = numbers()
        several = features[["a", "b"]] * 2.0 if values else (features[["a", "b"]] > 0).astype(int)
        named = table()[TARGET] if not values else features.a
        saved(folder, estimator.fit(features, several.to_numpy()), features.assign(**{TARGET: named}))

    return write


def _object(make: Callable[[], Any]) -> Callable[[Path], None]:
    return lambda folder: saved(folder, make())


def _bytes(file: str, content: Callable[[], bytes]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / file).write_bytes(content())
        table().to_csv(folder / "data.csv", index=False)

    return write


def _skops_bytes() -> bytes:
    from skops.io import dumps

    return bytes(dumps(fitted(logistic())))


def _foreign() -> bytes:
    """A pickle that names a module which only its writer has."""
    module = types.ModuleType("pricing_steps")
    step = type("Discount", (StandardScaler,), {"__module__": "pricing_steps"})
    module.__dict__["Discount"] = step
    sys.modules["pricing_steps"] = module
    try:
        return pickle.dumps(fitted(make_pipeline(step(), linear_model.LogisticRegression())))
    finally:
        del sys.modules["pricing_steps"]


def of_another_version(model: Any, version: str) -> bytes:
    """A pickle of `model` as another scikit-learn wrote it: an estimator's state names the version."""
    import sklearn.base

    own = sklearn.base.__version__
    sklearn.base.__version__ = version
    try:
        return pickle.dumps(model)
    finally:
        sklearn.base.__version__ = own


def _older_without_attributes() -> bytes:
    """As of a scikit-learn whose estimators lack what today's ask for."""
    model = fitted(linear_model.LogisticRegression())
    del model.coef_
    return of_another_version(model, "1.2.2")


def _documents(folder: Path) -> None:
    texts = pd.DataFrame({"text": [f"word{one % 7} and word{one % 3}" for one in range(120)]})
    target = np.where(np.arange(120) % 7 < 3, "yes", "no")
    model = make_pipeline(TfidfVectorizer(), linear_model.LogisticRegression()).fit(texts["text"], target)
    saved(folder, model, texts.assign(**{TARGET: target}))


def _text_target(folder: Path) -> None:
    data = table()
    saved(folder, linear_model.LinearRegression().fit(features_of(data), data.a), data)


def _other_classes(folder: Path) -> None:
    data = table()
    saved(folder, logistic().fit(features_of(data), data[TARGET] == "class 1"), data)


LABELS: Words = (("multi-label", "multilabel", "label matrix", "several labels"),)
OUTPUTS: Words = (("multi-output", "multioutput", "several values", "several outputs", "2 values", "2 outputs"),)
NONE: Words = ("probabilit",)
hard = ensemble.VotingClassifier([("l", logistic()), ("t", tree.DecisionTreeClassifier())])

WRONG_MODELS: dict[str, Wrong] = {
    "multi-label OneVsRest": Wrong(_matrix(multiclass.OneVsRestClassifier(logistic())), LABELS),
    "multi-label MLP": Wrong(_matrix(neural_network.MLPClassifier((4,), max_iter=20)), LABELS),
    "multi-label KNN": Wrong(_matrix(neighbors.KNeighborsClassifier()), ((*LABELS[0], *OUTPUTS[0]),)),
    "multi-label forest": Wrong(_matrix(ensemble.RandomForestClassifier(3)), ((*LABELS[0], *OUTPUTS[0]),)),
    "multi-label MultiOutput": Wrong(
        _matrix(multioutput.MultiOutputClassifier(linear_model.LogisticRegression())), ((*LABELS[0], *OUTPUTS[0]),)
    ),
    "multi-label chain": Wrong(
        _matrix(multioutput.ClassifierChain(linear_model.LogisticRegression())), ((*LABELS[0], *OUTPUTS[0]),)
    ),
    "two values linear": Wrong(_matrix(linear_model.LinearRegression(), values=True), OUTPUTS),
    "two values tree": Wrong(_matrix(tree.DecisionTreeRegressor(max_depth=3), values=True), OUTPUTS),
    "two values MultiOutput": Wrong(_matrix(multioutput.MultiOutputRegressor(linear_model.Ridge()), values=True), OUTPUTS),
    "no probabilities ridge": Wrong(_object(lambda: fitted(linear_model.RidgeClassifier())), NONE),
    "no probabilities SVC": Wrong(_object(lambda: fitted(svm.SVC())), NONE),
    "no probabilities hinge": Wrong(_object(lambda: fitted(make_pipeline(StandardScaler(), linear_model.SGDClassifier()))), NONE),
    "no probabilities hard voting": Wrong(_object(lambda: fitted(hard)), NONE),
    "no probabilities OneVsOne": Wrong(_object(lambda: fitted(multiclass.OneVsOneClassifier(logistic()))), NONE),
    "no probabilities OutputCode": Wrong(_object(lambda: fitted(multiclass.OutputCodeClassifier(logistic()))), NONE),
    "outlier detector": Wrong(_object(lambda: ensemble.IsolationForest(n_estimators=5).fit(numbers())), ("IsolationForest",)),
    "clusters": Wrong(_object(lambda: cluster.KMeans(2).fit(numbers())), ("KMeans",)),
    "a scaler": Wrong(_object(lambda: StandardScaler().fit(numbers())), ("StandardScaler",)),
    "not fitted": Wrong(_object(linear_model.LogisticRegression), ("fitted",)),
    "pipeline not fitted": Wrong(_object(logistic), ("fitted",)),
    "a dict": Wrong(_object(lambda: {"model": fitted(logistic())}), ("dict",)),
    "a tuple": Wrong(_object(lambda: (fitted(logistic()), StandardScaler())), ("tuple",)),
    "None": Wrong(_object(lambda: None), ("None",)),
    "an array": Wrong(_object(lambda: np.arange(3)), ("array",)),
    "words": Wrong(_documents, ("TfidfVectorizer", "text")),
    "a regressor of text": Wrong(_text_target, (("regress", "numbers"), TARGET)),
    "classes of another name": Wrong(_other_classes, ("class 0", TARGET)),
    "pickle cut off": Wrong(_bytes("model.pickle", lambda: pickle.dumps(fitted(logistic()))[:400]), ("model.pickle", "pickle")),
    "skops cut off": Wrong(_bytes("model.skops", lambda: _skops_bytes()[:400]), ("model.skops",)),
    "pickle called skops": Wrong(_bytes("model.skops", lambda: pickle.dumps(fitted(logistic()))), ("model.skops",)),
    "pickle called ONNX": Wrong(_bytes("model.onnx", lambda: pickle.dumps(fitted(logistic()))), ("model.onnx", "ONNX")),
    "empty": Wrong(_bytes("model.onnx", lambda: b""), ("model.onnx",)),
    "no such format": Wrong(_bytes("model.h5", lambda: b"HDF"), (".skops", ".onnx")),
    "module that is not here": Wrong(_bytes("model.pickle", _foreign), ("pricing_steps",)),
    "older scikit-learn": Wrong(_bytes("model.pickle", _older_without_attributes), ("1.2.2", "1.9", "scikit-learn")),
    "pickle not allowed": Wrong(_object(lambda: fitted(logistic())), ("--unsafe-pickle",), unsafe_pickle=False),
    "own step by skops": Wrong(
        lambda folder: saved(folder, fitted(make_pipeline(_own_step(), linear_model.LogisticRegression())), file="model.skops"),
        ("--unsafe-pickle",),
    ),
    "KNN by skops": Wrong(
        lambda folder: saved(folder, fitted(neighbors.KNeighborsClassifier()), file="model.skops"),
        ("--unsafe-pickle",),
        may_pass=True,
    ),
    "Gaussian process by skops": Wrong(
        lambda folder: saved(folder, fitted(_gaussian_process()), file="model.skops"), ("--unsafe-pickle",), may_pass=True
    ),
    "tuned threshold by skops": Wrong(
        lambda folder: saved(folder, fitted(_tuned()), file="model.skops"), ("--unsafe-pickle",), may_pass=True
    ),
    "GridSearchCV by skops": Wrong(
        lambda folder: saved(folder, fitted(_search()), file="model.skops"), ("best_estimator_",), may_pass=True
    ),
}  # fmt: skip


def _own_step() -> Any:
    from sklearn.preprocessing import FunctionTransformer

    from .row_steps import how_many_missing

    return FunctionTransformer(how_many_missing)


def _gaussian_process() -> Any:
    from sklearn.gaussian_process import GaussianProcessClassifier

    return GaussianProcessClassifier(optimizer=None)


def _search() -> Any:
    from sklearn.model_selection import GridSearchCV

    return GridSearchCV(linear_model.LogisticRegression(), {"C": [0.1, 1.0]}, cv=3, scoring="roc_auc")


def _tuned() -> Any:
    from sklearn.model_selection import TunedThresholdClassifierCV

    return TunedThresholdClassifierCV(linear_model.LogisticRegression(), scoring="balanced_accuracy", cv=3)
