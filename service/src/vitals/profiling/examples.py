"""Examples that can be tried without data of one's own: they take the same way as `vitals profile`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skops.io import dump

from vitals.bundle.classes import class_name
from vitals.errors import DataError
from vitals.extras import install
from vitals.model.served import Outcome
from vitals.profiling.bundle import Card, Made, Reference, make_folder
from vitals.profiling.conversion.runtime_choice import Runtime
from vitals.profiling.reading.split import every_fourth

_FOLDS = 10
_SEED = 20
SLOW_SECONDS = 0.35
"""How long a call of the slow example takes: more than a request should, so that an alert on latency has something to say."""


@dataclass(frozen=True)
class Example:
    """Data, a model to fit on them, and what its card says."""

    about: str
    data: Callable[[], pd.DataFrame]
    target: str
    source: str
    model: Callable[[pd.DataFrame, pd.Series[Any]], Any]
    checked_with: Callable[[], Any] | None = None
    """A quicker model of the same kind for the predictions out of fold; None: the model itself."""
    runtime: Runtime | None = None
    """What answers, where that is not for evidence to choose."""


def train_example(folder: Path, name: str = "iris") -> Made:
    """Train the example `name` on three quarters of its data and make `folder`, with the held-out quarter in it.

    Quality, calibration and the shares of the predictions are of predictions out of fold, so they are not flattered.
    Raises DataError where there is no such example, or its data are not installed.
    """
    example = EXAMPLES.get(name)
    if example is None:
        raise DataError(f"There is no example '{name}'; there are {', '.join(EXAMPLES)}.")
    table = example.data()
    seen, held_out = every_fourth(table, example.target, classes=not pd.api.types.is_numeric_dtype(table[example.target]))
    features, truth = seen.drop(columns=example.target), seen[example.target]
    model = example.model(features, truth)
    outcomes = out_of_fold(example.checked_with() if example.checked_with else model, features, truth)
    with tempfile.TemporaryDirectory() as scratch:
        artefact = Path(scratch) / "model.skops"
        dump(model, artefact)
        return make_folder(
            artefact,
            Reference(seen, example.target, held_out=held_out, outcomes=outcomes),
            Card(name, example.about, f"{example.source}: {len(seen)} of {len(table)} rows"),
            folder,
            runtime=example.runtime,
        )


def out_of_fold(model: Any, features: pd.DataFrame, truth: pd.Series[Any]) -> list[Outcome]:
    """An answer for each row, from a copy of `model` that has not seen the row (ten folds)."""
    if not is_classifier(model):
        values = cross_val_predict(model, features, truth, cv=KFold(_FOLDS, shuffle=True, random_state=_SEED))
        return [Outcome(float(value)) for value in values]
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    probabilities = cross_val_predict(model, features, truth, cv=folds, method="predict_proba")
    classes = [class_name(one) for one in np.unique(truth)]
    return [Outcome(classes[row.argmax()], int(row.argmax()), float(row.max()), tuple(row.tolist())) for row in probabilities]


def _iris() -> pd.DataFrame:
    data = load_iris()
    table = pd.DataFrame(data.data, columns=[_plain(name.removesuffix(" (cm)")) for name in data.feature_names])
    return table.assign(species=data.target_names[data.target].astype(object))


def _breast_cancer() -> pd.DataFrame:
    data = load_breast_cancer()
    table = pd.DataFrame(data.data, columns=[_plain(name) for name in data.feature_names])
    return table.assign(diagnosis=data.target_names[data.target].astype(object))


def _diabetes() -> pd.DataFrame:
    data = load_diabetes(scaled=False)
    return pd.DataFrame(data.data, columns=data.feature_names).assign(progression=data.target)


def _penguins() -> pd.DataFrame:
    try:
        from palmerpenguins import load_penguins
    except ImportError:
        raise DataError(f"The penguins' data are not installed: {install('examples')}.") from None
    table: pd.DataFrame = load_penguins()
    return table.drop(columns="year")


def _plain(name: str) -> str:
    return name.replace(" ", "_")


def _linear(features: pd.DataFrame, truth: pd.Series[Any]) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, truth)


def _ridge(features: pd.DataFrame, truth: pd.Series[Any]) -> Any:
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 3, 11))).fit(features, truth)


def _with_categories(features: pd.DataFrame, truth: pd.Series[Any]) -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    texts = list(features.select_dtypes("object").columns)
    columns = make_column_transformer((numbers, [name for name in features.columns if name not in texts]), (words, texts))
    return make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(features, truth)


def _forest(trees: int = 50) -> BaggingClassifier:
    # Bagging looks at the rows anew for every tree, which costs more than asking it: right for being slow, without threads.
    return BaggingClassifier(DecisionTreeClassifier(max_depth=3), trees, random_state=_SEED)


def _slow_forest(features: pd.DataFrame, truth: pd.Series[Any]) -> Any:
    """As many trees as make one call take SLOW_SECONDS on this machine."""
    trial = 200
    forest = _forest(trial).fit(features, truth)
    took = []
    for _ in range(8):
        start = time.perf_counter()
        forest.predict_proba(features[:1])
        took.append(time.perf_counter() - start)
    return _forest(int(np.clip(trial * SLOW_SECONDS / min(took), trial, 6000))).fit(features, truth)


EXAMPLES = {
    "iris": Example(
        "Tells three species of iris by their flowers: logistic regression on four numbers. Served by default.",
        _iris,
        "species",
        "Fisher's iris data, from scikit-learn",
        _linear,
    ),
    "breast-cancer": Example(
        "Tells malignant from benign tumours: logistic regression on thirty numbers.",
        _breast_cancer,
        "diagnosis",
        "Wisconsin diagnostic breast cancer data, from scikit-learn",
        _linear,
    ),
    "diabetes": Example(
        "Predicts a number, the progression of diabetes after a year: ridge regression on ten numbers.",
        _diabetes,
        "progression",
        "Diabetes data of Efron et al. 2004, from scikit-learn",
        _ridge,
    ),
    "penguins": Example(
        "Tells three species of penguins by numbers, island and sex, some of which are missing: categories are encoded one-hot.",
        _penguins,
        "species",
        "Palmer penguins (Gorman, Williams and Fraser 2014), from palmerpenguins",
        _with_categories,
    ),
    "iris-forest": Example(
        "Slow on purpose, for trying alerts on latency: bagged trees on the iris data, so many that a call takes "
        f"about {SLOW_SECONDS * 1000:.0f} ms on the machine that made it. Not an example of how to serve trees.",
        _iris,
        "species",
        "Fisher's iris data, from scikit-learn",
        _slow_forest,
        _forest,
        runtime="sklearn",
    ),
}
