"""The models that every variant serves: as a joblib file, as the project's own folder, and as the ONNX graph of that folder."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import joblib
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

WORKLOADS = {
    "iris": "StandardScaler + LogisticRegression",
    "forest": "a forest of 100 trees",
    "no-op": "a model that does nothing",
}

FEATURES = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def _estimator(workload: str) -> Any:
    if workload == "iris":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return RandomForestClassifier(100, random_state=20) if workload == "forest" else DummyClassifier()


def make(workload: str, folder: Path, wanted: Collection[str] = ("served",)) -> None:
    """Fit the workload's model on the iris data and write `folder`: model.joblib, and what is wanted of served/ and by_sklearn/.

    With served/ comes model.onnx, where the model can be converted; by_sklearn/ is answered by scikit-learn all the same.
    """
    data = load_iris()
    names = data.target_names[data.target].astype(object)
    folder.mkdir(parents=True)
    joblib.dump(_estimator(workload).fit(data.data, names), folder / "model.joblib")
    if wanted:
        _make_served(workload, data.data, names, folder, wanted)


def _make_served(workload: str, features: Any, names: Any, folder: Path, wanted: Collection[str]) -> None:
    import pandas as pd
    from skops.io import dump

    from vitals.profiling.bundle import Card, Reference, make_folder

    table = pd.DataFrame(features, columns=list(FEATURES))
    fitted = _estimator(workload).fit(table, names)
    with tempfile.TemporaryDirectory() as scratch:
        artefact = Path(scratch) / "model.skops"
        dump(fitted, artefact)
        reference = Reference(table.assign(species=names), "species")
        if "served" in wanted:
            made = make_folder(artefact, reference, Card("iris"), folder / "served")
            if made.facts.graph is not None:
                (folder / "model.onnx").write_bytes((folder / "served" / made.facts.graph.file).read_bytes())
        if "by_sklearn" in wanted:
            make_folder(artefact, reference, Card("iris"), folder / "by_sklearn", runtime="sklearn")
