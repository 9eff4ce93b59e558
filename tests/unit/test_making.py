"""From a fitted model and data to a served folder: whatever the format, the served model says what the fitted one says."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from skops.io import dump
from typer.testing import CliRunner

from vitals.errors import DataError, ModelMismatch
from vitals.making import examples
from vitals.making.examples import EXAMPLES, train_example
from vitals.making.served_folder import Card, Made, Reference, make_folder
from vitals.model.served import ServedModel, load_model
from vitals.profile.folder import read_folder

CARD = Card("mixed")


def _mixed(rows: int = 240, gap: Any = np.nan) -> pd.DataFrame:
    """Numbers with gaps, texts with gaps (as `gap`), whole numbers that are categories, true and false."""
    random = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "age": np.where(random.random(rows) < 0.1, np.nan, random.normal(50, 10, rows)),
            "city": pd.Series(random.choice(["Bern", "Oslo", "Rome"], rows), dtype=object),
            "code": random.integers(1, 4, rows),
            "member": random.random(rows) < 0.4,
        }
    )
    table.loc[random.random(rows) < 0.1, "city"] = gap
    table["city"] = table.city.where(table.city.notna(), gap).astype(object)
    table["bought"] = np.where(table.member ^ (table.code == 2) ^ (random.random(rows) < 0.1), "yes", "no")
    return table


def _pipeline(table: pd.DataFrame, final: Any, *, unknown: str = "ignore") -> Any:
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown=unknown)), ["city"]),
        (OneHotEncoder(handle_unknown=unknown), ["code"]),
        remainder="passthrough",
    )
    return make_pipeline(columns, final).fit(table.drop(columns="bought"), table.bought)


def _rows(table: pd.DataFrame, served: ServedModel) -> list[list[Any]]:
    """As requests have them."""
    columns = table[[feature.name for feature in served.profile.features]].astype(object)
    return [[None if pd.isna(value) else value for value in row] for row in columns.to_numpy().tolist()]


def _make(
    tmp_path: Path, model: Any, reference: Reference, write: Callable[[Any, Path], Any] = dump, suffix: str = ".skops"
) -> Made:
    artefact = tmp_path / f"fitted{suffix}"
    write(model, artefact)
    return make_folder(artefact, reference, CARD, tmp_path / "served")


@pytest.mark.parametrize(
    "final",
    [LogisticRegression(), RandomForestClassifier(10, random_state=0), HistGradientBoostingClassifier(max_iter=5)],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("gap", [np.nan, None])
def test_a_pipeline_with_categories_and_gaps_is_served_as_it_was_fitted(tmp_path: Path, final: Any, gap: Any) -> None:
    """Texts are missing as NaN in data from CSV, as None in data from Parquet; an imputer for NaN leaves None as it is."""
    table = _mixed(gap=gap)
    if isinstance(final, HistGradientBoostingClassifier):
        table = table.fillna({"city": "Bern"})
    model = _pipeline(table, final)
    made = _make(tmp_path, model, Reference(table, "bought", ("code",)))
    served = load_model(tmp_path / "served")
    expected = model.predict_proba(table.drop(columns="bought"))
    found = served.predict(_rows(table, served))
    assert np.allclose([one.probabilities for one in found], expected)
    one_by_one = [served.predict([row])[0] for row in _rows(table, served)[:8]]
    assert np.allclose([one.probabilities for one in one_by_one], expected[:8])

    kinds = {feature.name: feature.kind for feature in made.profile.features}
    assert kinds == {"age": "numeric", "city": "categorical", "code": "categorical", "member": "boolean"}
    allowed = {feature.name: (feature.missing_allowed, feature.unseen_allowed) for feature in made.profile.features}
    assert allowed["age"] == (True, False)
    assert allowed["city"][1] is allowed["code"][1] is True
    assert served.predict([[None, "Paris", 9, True]])[0].predicted in ("yes", "no")


def test_what_the_model_can_not_answer_is_not_allowed(tmp_path: Path) -> None:
    table = _mixed().dropna()
    columns = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(handle_unknown="error"), ["city", "code"]), remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression()).fit(table.drop(columns="bought"), table.bought)
    made = _make(tmp_path, model, Reference(table, "bought", ("code",)))
    allowed = {feature.name: (feature.missing_allowed, feature.unseen_allowed) for feature in made.profile.features}
    assert allowed["age"] == allowed["city"] == allowed["code"] == (False, False)


@pytest.mark.parametrize("held_out", [True, False])
def test_gaps_that_the_model_can_not_take_are_refused_with_the_columns_name(tmp_path: Path, held_out: bool) -> None:
    """Also where the quality is measured on other rows: what a request may leave out is found out, not believed."""
    whole = _mixed(480).dropna().reset_index(drop=True)
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["city", "code"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression()).fit(whole.drop(columns="bought"), whole.bought)
    gaps = whole.assign(age=whole.age.where(whole.index % 10 > 0))
    reference = Reference(gaps, "bought", ("code",), held_out=whole if held_out else None)
    with pytest.raises(DataError, match=r"Column 'age' has no value in \d+ rows, and the model can't answer a row without it"):
        _make(tmp_path, model, reference)


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


def test_categories_by_a_model_that_takes_them_itself(tmp_path: Path) -> None:
    table = _mixed().fillna({"city": "Bern"})
    encode = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), make_column_selector(dtype_include=object)),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    model = make_pipeline(encode, HistGradientBoostingClassifier(categorical_features=[0], max_iter=5))
    model.fit(table.drop(columns="bought"), table.bought)
    _make(tmp_path, model, Reference(table, "bought"))
    served = load_model(tmp_path / "served")
    expected = model.predict_proba(table.drop(columns="bought"))
    assert np.allclose([one.probabilities for one in served.predict(_rows(table, served))], expected)


def test_a_model_fitted_on_an_array_takes_the_datas_columns_in_order(tmp_path: Path) -> None:
    rows, labels = load_iris(return_X_y=True)
    table = pd.DataFrame(rows, columns=list("abcd")).assign(kind=labels)
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    made = _make(tmp_path, model, Reference(table, "kind"))
    assert made.profile.classes == ("0", "1", "2")
    served = load_model(tmp_path / "served")
    assert np.allclose([one.probabilities for one in served.predict(rows.tolist())], model.predict_proba(rows))
    with pytest.raises(DataError, match="takes 4 features and does not know their names; the data have 5 columns"):
        _make(tmp_path, model, Reference(table.assign(more=1), "kind"))


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
    table = _mixed().dropna().drop(columns="member")
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
    found = served.predict(_rows(table, served))
    assert np.allclose([one.probabilities for one in found], model.predict_proba(features), atol=1e-5)


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


@pytest.mark.parametrize(
    ("write", "suffix"), [(joblib.dump, ".joblib"), (lambda model, path: path.write_bytes(pickle.dumps(model)), ".pkl")]
)
def test_a_pickle_is_profiled_and_served_only_by_name(tmp_path: Path, write: Any, suffix: str) -> None:
    table = _mixed()
    artefact = tmp_path / f"m{suffix}"
    write(_pipeline(table, LogisticRegression()), artefact)
    reference = Reference(table, "bought", ("code",))
    with pytest.raises(ModelMismatch, match=r"a pickle can run any code.*--unsafe-pickle"):
        make_folder(artefact, reference, CARD, tmp_path / "served")
    make_folder(artefact, reference, CARD, tmp_path / "served", allow_pickle=True)
    with pytest.raises(ModelMismatch, match="ALLOW_PICKLE=true"):
        load_model(tmp_path / "served")
    assert load_model(tmp_path / "served", allow_pickle=True).facts.format == "pickle"


@pytest.mark.parametrize(
    ("change", "target", "said"),
    [
        (lambda table: table.drop(columns="age"), "bought", "takes the feature 'age', and there is no such column"),
        (lambda table: table, "sold", "There is no column 'sold'"),
        (lambda table: table, "age", "'age' is one of the model's features"),
        (lambda table: table.assign(bought=[None, *table.bought[1:]]), "bought", "the target, has no value in 1 rows"),
        (lambda table: table.assign(bought="perhaps"), "bought", "the class 'perhaps', which the model does not know"),
        (lambda table: table.assign(age=["old", "young"] * 120), "bought", "can't answer the data's rows"),
    ],
)
def test_data_that_are_not_the_models_are_refused(tmp_path: Path, change: Any, target: str, said: str) -> None:
    table = _mixed()
    model = _pipeline(table, LogisticRegression())
    with pytest.raises(DataError, match=said):
        _make(tmp_path, model, Reference(change(table), target, ("code",)))
    assert not (tmp_path / "served" / "model.json").exists()


def test_held_out_rows_are_what_quality_is_measured_on(tmp_path: Path) -> None:
    table, unseen = _mixed(), _mixed(440)[240:].reset_index(drop=True)
    model = _pipeline(table, RandomForestClassifier(30, random_state=0))
    flattered = _make(tmp_path, model, Reference(table, "bought", ("code",)))
    assert any("flattered" in warning for warning in flattered.warnings)
    made = _make(tmp_path, model, Reference(table, "bought", ("code",), held_out=unseen))
    assert not any("flattered" in warning for warning in made.warnings)
    assert made.profile.quality["accuracy"] < flattered.profile.quality["accuracy"]
    assert (made.profile.rows, made.profile.quality_rows, flattered.profile.quality_rows) == (240, 200, 240)
    assert made.profile.quality["accuracy"] == pytest.approx(model.score(unseen.drop(columns="bought"), unseen.bought))
    with (tmp_path / "served" / "held_out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["age", "city", "code", "member", "bought"]
    assert {row["code"] for row in rows} == {"1", "2", "3"}
    assert {row["member"] for row in rows} == {"true", "false"}


def test_the_same_model_and_data_have_the_same_version_and_other_data_another(tmp_path: Path) -> None:
    """The simulation of `psi_null` is seeded: `profile.json` is the same to the bit."""
    table = _mixed()
    artefact = tmp_path / "m.joblib"
    joblib.dump(_pipeline(table, LogisticRegression()), artefact)
    made = [
        make_folder(artefact, Reference(data, "bought", ("code",)), CARD, tmp_path / str(number), allow_pickle=True)
        for number, data in enumerate((table, table, table[20:]))
    ]
    first, again, other = (one.facts for one in made)
    assert (tmp_path / "0" / "profile.json").read_bytes() == (tmp_path / "1" / "profile.json").read_bytes()
    assert first.version == again.version
    assert other.sha256 == first.sha256
    assert other.version != first.version


def test_a_folder_made_anew_has_nothing_of_the_model_before(tmp_path: Path, model_folder: Path) -> None:
    import shutil

    shutil.copytree(model_folder, tmp_path / "served")
    table = _mixed()
    artefact = tmp_path / "m.joblib"
    joblib.dump(_pipeline(table, LogisticRegression()), artefact)
    make_folder(artefact, Reference(table, "bought", ("code",)), CARD, tmp_path / "served", allow_pickle=True)
    assert sorted(path.name for path in (tmp_path / "served").iterdir()) == ["model.joblib", "model.json", "profile.json"]


def test_files_of_somebody_else_are_left_alone(tmp_path: Path, model_folder: Path) -> None:
    import shutil

    def make(folder: Path, suffix: str = ".joblib") -> Made:
        artefact = tmp_path / f"m{suffix}"
        joblib.dump(_pipeline(table, LogisticRegression()), artefact)
        return make_folder(artefact, Reference(table, "bought", ("code",), table), CARD, folder, allow_pickle=True)

    table = _mixed()
    for name in ("held_out.csv", "model.onnx", "notes.txt", "model.json", ".hidden"):
        (tmp_path / name[:4]).mkdir(exist_ok=True)
        foreign = tmp_path / name[:4] / name
        foreign.write_text("{}")
        with pytest.raises(DataError, match="holds other files than a served model's"):
            make(foreign.parent)
        assert foreign.read_text() == "{}"
        assert list(foreign.parent.iterdir()) == [foreign]
        foreign.unlink()
    with pytest.raises(DataError, match="is no folder"):
        make(tmp_path / "m.joblib")

    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty")
    shutil.copytree(model_folder, tmp_path / "served")
    (tmp_path / "served" / "model.onnx").write_text("mine")
    (tmp_path / "served" / "notes.txt").write_text("mine")
    make(tmp_path / "served")
    made = ["held_out.csv", "model.joblib", "model.json", "profile.json"]
    assert sorted(path.name for path in (tmp_path / "served").iterdir()) == sorted([*made, "model.onnx", "notes.txt"])
    (tmp_path / "served" / "model.pkl").write_text("mine")
    with pytest.raises(DataError, match=r"model\.pkl is not of the model that was made there before"):
        make(tmp_path / "served", ".pkl")
    assert (tmp_path / "served" / "model.pkl").read_text() == "mine"


def test_an_example_takes_the_place_of_the_one_before_also_of_the_older_layout(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    train_example(folder, "diabetes")
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({"schema_version": 1, "name": "iris", "sha256": facts["sha256"]}))
    train_example(folder)
    train_example(folder)
    assert load_model(folder).facts.name == "iris"


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_made_and_served(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "SLOW_SECONDS", 0.02)  # slow enough for a test
    made = train_example(tmp_path / "model", name)
    served = load_model(tmp_path / "model")
    assert served.facts == made.facts == read_folder(tmp_path / "model").facts
    assert served.facts.description
    held_out = pd.read_csv(tmp_path / "model" / "held_out.csv")
    assert list(held_out.columns) == [*(feature.name for feature in served.profile.features), served.profile.target]
    outcomes = served.predict(_rows(held_out, served))
    truth = held_out[served.profile.target]
    if served.profile.task == "classification":
        accuracy = np.mean([one.predicted == label for one, label in zip(outcomes, truth, strict=True)])
        assert accuracy == pytest.approx(served.profile.quality["accuracy"], abs=0.08)
        assert served.profile.quality["expected_accuracy"] == pytest.approx(served.profile.quality["accuracy"], abs=0.03)
    else:
        error = np.mean([abs(float(one.predicted) - label) for one, label in zip(outcomes, truth, strict=True)])
        assert error == pytest.approx(served.profile.quality["mean_absolute_error"], rel=0.2)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "iris-forest"])
def test_held_out_rows_resemble_the_reference(tmp_path: Path, name: str) -> None:
    """Traffic of the held-out rows is traffic without drift: PSI stays below the threshold for however many rows."""
    from collections import Counter

    from vitals.making.null import psi
    from vitals.profile.bins import bin_of

    made = train_example(tmp_path / "model", name)
    served = load_model(tmp_path / "model")
    rows = _rows(pd.read_csv(tmp_path / "model" / "held_out.csv"), served)
    for index, feature in enumerate(made.profile.features):
        which = bin_of(feature)
        counts = Counter(feature.bins[which(row[index])].drift for row in rows)
        drift = [one for one in feature.bins if one.drift == one.name]
        found = psi(np.array([counts[one.name] / len(rows) for one in drift]), np.array([one.share for one in drift]))
        assert found < max(0.2, feature.psi_null / made.profile.rows), feature.name


def test_the_commands(tmp_path: Path) -> None:
    from vitals.cli.verbs import app

    table = _mixed()
    dump(_pipeline(table, LogisticRegression()), tmp_path / "Shop Model.skops")
    table.to_csv(tmp_path / "data.csv", index=False)
    arguments = ["profile", "--model", tmp_path / "Shop Model.skops", "--data", tmp_path / "data.csv", "--target", "bought"]
    arguments += ["--categorical", "code", "-o", tmp_path / "out"]
    told = CliRunner().invoke(app, [str(one) for one in arguments])
    assert told.exit_code == 0, told.output
    assert "240 reference rows, 4 features: 1 numeric, 2 categorical, 1 boolean" in told.output
    assert "flattered" in told.output
    assert f"MODEL_DIR={tmp_path / 'out'} vitals serve" in told.output
    as_json = json.loads(CliRunner().invoke(app, [str(one) for one in [*arguments, "--json"]]).output)
    assert as_json["name"] == "shop-model"
    assert as_json["features"]["code"] == {"kind": "categorical", "missing_allowed": True, "unseen_allowed": True}

    example = CliRunner().invoke(app, ["train-example", "diabetes", "-o", str(tmp_path / "example")])
    assert "regression of progression" in example.output
    with pytest.raises(DataError, match="no example 'roses'; there are iris"):
        CliRunner().invoke(app, ["train-example", "roses", "-o", str(tmp_path / "x")], catch_exceptions=False)
