"""ONNX models, made by skl2onnx: the served model says what scikit-learn says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from vitals.errors import DataError, ModelMismatch
from vitals.model.served import load_model
from vitals.profiling.bundle import Reference, make_folder
from vitals.profiling.conversion.onnx_conversion import conversions

from .models import CARD, made_in, mixed, rows_of


def _to_onnx(model: Any, path: Path, *, types: Any, **options: Any) -> None:
    from skl2onnx import to_onnx

    path.write_bytes(to_onnx(model, initial_types=types, **options).SerializeToString())


def _onnx_types(table: pd.DataFrame) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import BooleanTensorType, FloatTensorType, Int64TensorType, StringTensorType

    by_kind = {"f": FloatTensorType, "O": StringTensorType, "i": Int64TensorType, "b": BooleanTensorType}
    return [(name, by_kind[table[name].dtype.kind]([None, 1])) for name in table.columns]


@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_classifier_says_what_scikit_learn_says(tmp_path: Path, zipmap: bool) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    rows, labels = load_iris(return_X_y=True)
    names = load_iris().target_names[labels]
    table = pd.DataFrame(rows, columns=list("abcd")).assign(kind=names)
    model = LogisticRegression(max_iter=1000).fit(rows, names)
    _to_onnx(model, tmp_path / "m.onnx", types=[("X", FloatTensorType([None, 4]))], options={"zipmap": zipmap})
    made = make_folder(tmp_path / "m.onnx", Reference(table, "kind"), CARD, tmp_path / "served")
    assert made.profile.classes == ("setosa", "versicolor", "virginica")
    assert made.facts.format == "onnx"
    served = load_model(tmp_path / "served")
    found = served.predict(rows.tolist())
    assert np.allclose([one.probabilities for one in found], model.predict_proba(rows), atol=1e-5)
    assert [one.predicted for one in found] == model.predict(rows).tolist()


def test_an_onnx_pipeline_with_one_input_a_column(tmp_path: Path) -> None:
    table = mixed().dropna().drop(columns="member")
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["city", "code"])
    )
    features = table.drop(columns="bought")
    model = make_pipeline(columns, LogisticRegression()).fit(features, table.bought)
    _to_onnx(model, tmp_path / "m.onnx", types=_onnx_types(features))
    made = make_folder(tmp_path / "m.onnx", Reference(table, "bought", ("code",)), CARD, tmp_path / "served")
    allowed = {feature.name: (feature.missing_allowed, feature.unseen_allowed) for feature in made.profile.features}
    assert allowed == {"age": (True, False), "city": (False, True), "code": (False, True)}
    served = load_model(tmp_path / "served")
    found = served.predict(rows_of(table, served))
    assert np.allclose([one.probabilities for one in found], model.predict_proba(features), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("order", [["member", "age"], ["age", "member"], ["city", "member", "age"], ["member", "age", "city"]])
def test_a_conversion_beside_a_boolean_column_computes_in_double_precision(tmp_path: Path, order: list[str]) -> None:
    """And can be loaded: skl2onnx takes its outputs' type from the first input."""
    import onnxruntime

    table = mixed().dropna()[[*order, "bought"]]
    encoded = [(OneHotEncoder(), ["city"])] if "city" in order else [("passthrough", ["age"])]
    model = make_pipeline(make_column_transformer(*encoded, remainder="passthrough"), LogisticRegression(max_iter=1000))
    model.fit(table[order], table.bought)
    profile = made_in(tmp_path, model, Reference(table, "bought")).profile
    first = next(conversions(model, profile.features, "frame"))
    assert first.precision == "float64"
    session = onnxruntime.InferenceSession(first.graph, providers=["CPUExecutionProvider"])
    asked = {name: table[[name]].to_numpy(object if name == "city" else None) for name in order}
    probabilities = session.run(None, asked)[1]
    assert np.allclose(probabilities, model.predict_proba(table[order]), atol=1e-12)


@pytest.mark.slow
def test_an_onnx_regressor_says_what_scikit_learn_says(tmp_path: Path) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    rows, target = load_diabetes(return_X_y=True)
    table = pd.DataFrame(rows).rename(columns="s{}".format).assign(progression=target)
    model = RandomForestRegressor(10, random_state=0).fit(rows.astype(np.float32), target)
    _to_onnx(model, tmp_path / "m.onnx", types=[("X", FloatTensorType([None, 10]))])
    made = make_folder(tmp_path / "m.onnx", Reference(table, "progression"), CARD, tmp_path / "served")
    assert made.profile.task == "regression"
    found = load_model(tmp_path / "served").predict(rows.tolist())
    assert np.allclose([one.predicted for one in found], model.predict(rows), rtol=1e-5)
    assert all(one.probabilities is one.confidence is one.class_index is None for one in found)


def test_labels_that_are_not_the_onnx_models_are_refused(tmp_path: Path) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    rows, labels = load_iris(return_X_y=True)
    table = pd.DataFrame(rows, columns=list("abcd")).assign(kind=np.array(["x", "y", "z"])[labels])
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    for zipmap, said in ((False, "labels are not the classes of column 'kind'"), (True, "has the class 'x', which the model")):
        _to_onnx(model, tmp_path / "m.onnx", types=[("X", FloatTensorType([None, 4]))], options={"zipmap": zipmap})
        with pytest.raises(DataError, match=said):
            make_folder(tmp_path / "m.onnx", Reference(table, "kind"), CARD, tmp_path / "served")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(ModelMismatch, match="can't be loaded as an ONNX model"):
        make_folder(tmp_path / "bad.onnx", Reference(table, "kind"), CARD, tmp_path / "served")


def test_gaps_are_named_for_an_onnx_model_that_does_not_say_its_classes(tmp_path: Path) -> None:
    from skl2onnx.common.data_types import Int64TensorType

    rows, labels = load_iris(return_X_y=True)
    whole = np.round(rows * 10).astype(np.int64)
    model = LogisticRegression(max_iter=5000).fit(whole, labels)
    _to_onnx(model, tmp_path / "m.onnx", types=[("X", Int64TensorType([None, 4]))], options={"zipmap": False})
    table = pd.DataFrame(whole, columns=list("abcd")).assign(kind=labels)
    table["c"] = table.c.where(table.index % 7 > 0)
    with pytest.raises(DataError, match="Column 'c' has no value in 22 rows"):
        make_folder(tmp_path / "m.onnx", Reference(table, "kind"), CARD, tmp_path / "served")
