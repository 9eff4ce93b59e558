"""From a fitted model and data to a served folder: whatever the format, the served model says what the fitted one says."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from skops.io import dump
from typer.testing import CliRunner

from vitals.bundle.folder import read_folder
from vitals.errors import DataError, ModelMismatch
from vitals.model.served import load_model
from vitals.profiling import examples
from vitals.profiling.bundle import Reference, make_folder
from vitals.profiling.examples import EXAMPLES, train_example

from .models import CARD, made_in, mixed, pipeline_of, rows_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "final",
    [LogisticRegression(), RandomForestClassifier(10, random_state=0), HistGradientBoostingClassifier(max_iter=5)],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("gap", [np.nan, None])
def test_a_pipeline_with_categories_and_gaps_is_served_as_it_was_fitted(tmp_path: Path, final: Any, gap: Any) -> None:
    """Texts are missing as NaN in data from CSV, as None in data from Parquet; an imputer for NaN leaves None as it is."""
    table = mixed(gap=gap)
    if isinstance(final, HistGradientBoostingClassifier):
        table = table.fillna({"city": "Bern"})
    model = pipeline_of(table, final)
    made = made_in(tmp_path, model, Reference(table, "bought", ("code",)))
    served = load_model(tmp_path / "served")
    expected = model.predict_proba(table.drop(columns="bought"))
    found = served.predict(rows_of(table, served))
    assert np.allclose([one.probabilities for one in found], expected)
    one_by_one = [served.predict([row])[0] for row in rows_of(table, served)[:8]]
    assert np.allclose([one.probabilities for one in one_by_one], expected[:8])

    kinds = {feature.name: feature.kind for feature in made.profile.features}
    assert kinds == {"age": "numeric", "city": "categorical", "code": "categorical", "member": "boolean"}
    allowed = {feature.name: (feature.missing_allowed, feature.unseen_allowed) for feature in made.profile.features}
    assert allowed["age"] == (True, False)
    assert allowed["city"][1] is allowed["code"][1] is True
    assert served.predict([[None, "Paris", 9, True]])[0].predicted in ("yes", "no")


def test_what_the_model_can_not_answer_is_not_allowed(tmp_path: Path) -> None:
    table = mixed().dropna()
    columns = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(handle_unknown="error"), ["city", "code"]), remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression()).fit(table.drop(columns="bought"), table.bought)
    made = made_in(tmp_path, model, Reference(table, "bought", ("code",)))
    allowed = {feature.name: (feature.missing_allowed, feature.unseen_allowed) for feature in made.profile.features}
    assert allowed["age"] == allowed["city"] == allowed["code"] == (False, False)


@pytest.mark.parametrize("held_out", [True, False])
def test_gaps_that_the_model_can_not_take_are_refused_with_the_columns_name(tmp_path: Path, held_out: bool) -> None:
    """Also where the quality is measured on other rows: what a request may leave out is found out, not believed."""
    whole = mixed(480).dropna().reset_index(drop=True)
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["city", "code"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression()).fit(whole.drop(columns="bought"), whole.bought)
    gaps = whole.assign(age=whole.age.where(whole.index % 10 > 0))
    reference = Reference(gaps, "bought", ("code",), held_out=whole if held_out else None)
    with pytest.raises(DataError, match=r"Column 'age' has no value in \d+ rows, and the model can't answer a row without it"):
        made_in(tmp_path, model, reference)


def test_categories_by_a_model_that_takes_them_itself(tmp_path: Path) -> None:
    table = mixed().fillna({"city": "Bern"})
    encode = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), make_column_selector(dtype_include=object)),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    model = make_pipeline(encode, HistGradientBoostingClassifier(categorical_features=[0], max_iter=5))
    model.fit(table.drop(columns="bought"), table.bought)
    made_in(tmp_path, model, Reference(table, "bought"))
    served = load_model(tmp_path / "served")
    expected = model.predict_proba(table.drop(columns="bought"))
    assert np.allclose([one.probabilities for one in served.predict(rows_of(table, served))], expected)


def test_a_model_fitted_on_an_array_takes_the_datas_columns_in_order(tmp_path: Path) -> None:
    rows, labels = load_iris(return_X_y=True)
    table = pd.DataFrame(rows, columns=list("abcd")).assign(kind=labels)
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    made = made_in(tmp_path, model, Reference(table, "kind"))
    assert made.profile.classes == ("0", "1", "2")
    served = load_model(tmp_path / "served")
    assert np.allclose([one.probabilities for one in served.predict(rows.tolist())], model.predict_proba(rows))
    with pytest.raises(DataError, match="takes 4 features and does not know their names; the data have 5 columns"):
        made_in(tmp_path, model, Reference(table.assign(more=1), "kind"))


@pytest.mark.parametrize(
    ("write", "suffix"), [(joblib.dump, ".joblib"), (lambda model, path: path.write_bytes(pickle.dumps(model)), ".pkl")]
)
def test_a_pickle_is_profiled_and_served_only_by_name(tmp_path: Path, write: Any, suffix: str) -> None:
    table = mixed()
    artefact = tmp_path / f"m{suffix}"
    write(pipeline_of(table, LogisticRegression()), artefact)
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
    table = mixed()
    model = pipeline_of(table, LogisticRegression())
    with pytest.raises(DataError, match=said):
        made_in(tmp_path, model, Reference(change(table), target, ("code",)))
    assert not (tmp_path / "served" / "model.json").exists()


def test_held_out_rows_are_what_quality_is_measured_on(tmp_path: Path) -> None:
    table, unseen = mixed(), mixed(440)[240:].reset_index(drop=True)
    model = pipeline_of(table, RandomForestClassifier(30, random_state=0))
    flattered = made_in(tmp_path, model, Reference(table, "bought", ("code",)))
    assert any("look too good" in warning for warning in flattered.warnings)
    made = made_in(tmp_path, model, Reference(table, "bought", ("code",), held_out=unseen))
    assert not any("look too good" in warning for warning in made.warnings)
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
    table = mixed()
    artefact = tmp_path / "m.joblib"
    joblib.dump(pipeline_of(table, LogisticRegression()), artefact)
    made = [
        make_folder(artefact, Reference(data, "bought", ("code",)), CARD, tmp_path / str(number), allow_pickle=True)
        for number, data in enumerate((table, table, table[20:]))
    ]
    first, again, other = (one.facts for one in made)
    assert (tmp_path / "0" / "profile.json").read_bytes() == (tmp_path / "1" / "profile.json").read_bytes()
    assert first.version == again.version
    assert other.sha256 == first.sha256
    assert other.version != first.version


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_made_and_served(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "SLOW_SECONDS", 0.02)  # slow enough for a test
    made = train_example(tmp_path / "model", name)
    served = load_model(tmp_path / "model")
    assert served.facts == made.facts == read_folder(tmp_path / "model").facts
    assert served.facts.description
    held_out = pd.read_csv(tmp_path / "model" / "held_out.csv")
    assert list(held_out.columns) == [*(feature.name for feature in served.profile.features), served.profile.target]
    outcomes = served.predict(rows_of(held_out, served))
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

    from vitals.bundle.bins import bin_of
    from vitals.bundle.divergences import psi

    made = train_example(tmp_path / "model", name)
    served = load_model(tmp_path / "model")
    rows = rows_of(pd.read_csv(tmp_path / "model" / "held_out.csv"), served)
    for index, feature in enumerate(made.profile.features):
        which = bin_of(feature)
        counts = Counter(feature.bins[which(row[index])].drift for row in rows)
        drift = [one for one in feature.bins if one.drift == one.name]
        found = psi(np.array([counts[one.name] / len(rows) for one in drift]), np.array([one.share for one in drift]))
        assert found < max(0.2, feature.psi_null / made.profile.rows), feature.name


def test_the_commands(tmp_path: Path) -> None:
    from vitals.cli.all_verbs import app

    table = mixed()
    dump(pipeline_of(table, LogisticRegression()), tmp_path / "Shop Model.skops")
    table.to_csv(tmp_path / "data.csv", index=False)
    arguments = ["profile", "--model", tmp_path / "Shop Model.skops", "--data", tmp_path / "data.csv", "--target", "bought"]
    arguments += ["--categorical", "code", "-o", tmp_path / "out"]
    told = CliRunner().invoke(app, [str(one) for one in arguments])
    assert told.exit_code == 0, told.output
    assert "240 reference rows, 4 features: 1 numeric, 2 categorical, 1 boolean" in told.output
    assert "look too good" in told.output
    assert f"MODEL_DIR={tmp_path / 'out'} vitals serve" in told.output
    as_json = json.loads(CliRunner().invoke(app, [str(one) for one in [*arguments, "--json"]]).output)
    assert as_json["name"] == "shop-model"
    assert as_json["features"]["code"] == {
        "kind": "categorical",
        "drift": True,
        "missing_allowed": True,
        "unseen_allowed": True,
    }

    example = CliRunner().invoke(app, ["train-example", "diabetes", "-o", str(tmp_path / "example")])
    assert "regression of progression" in example.output
    with pytest.raises(DataError, match="no example 'roses'; there are iris"):
        CliRunner().invoke(app, ["train-example", "roses", "-o", str(tmp_path / "x")], catch_exceptions=False)
