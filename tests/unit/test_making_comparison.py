"""The rule of a served model: every answer is the fitted model's own, or the folder is not made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from vitals.errors import DataError
from vitals.model.served import ServedModel, load_model
from vitals.profiling.bundle import Card, Made, Reference, make_folder

pytestmark = pytest.mark.slow

N = 160


def _table(seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(random.normal(size=(N, 4)).round(2), columns=list("abcd"))


def with_row_means(table: Any) -> Any:
    """A row's mean: pandas leaves gaps out, NumPy does not; and pandas' deviation is divided by n - 1."""
    return np.c_[np.asarray(table), np.asarray(table.mean(axis=1)), np.asarray(table.std(axis=1))]


def as_text(table: Any) -> Any:
    return table.astype(str)


class ScaledByTheBatch(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What a row becomes depends on the rows beside it."""

    def fit(self, rows: Any, truth: Any = None) -> ScaledByTheBatch:  # noqa: ARG002 - scikit-learn's interface
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, rows: Any) -> Any:
        given = np.asarray(rows, dtype=np.float64)
        return given - given.mean(axis=0)


class Contrary(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predicts the class that is less probable."""

    def fit(self, rows: Any, truth: Any) -> Contrary:
        self.inner_ = LogisticRegression().fit(rows, truth)
        self.classes_ = self.inner_.classes_
        self.n_features_in_ = rows.shape[1]
        return self

    def predict_proba(self, rows: Any) -> Any:
        return self.inner_.predict_proba(np.asarray(rows))

    def predict(self, rows: Any) -> Any:
        return self.classes_[self.predict_proba(rows).argmin(axis=1)]


def _made(folder: Path, model: Any, table: pd.DataFrame, target: str, **options: Any) -> tuple[Made, ServedModel]:
    categorical = options.pop("categorical", ())
    artefact = folder / "fitted.joblib"
    joblib.dump(model, artefact)
    made = make_folder(
        artefact, Reference(table, target, categorical), Card("held"), folder / "served", allow_pickle=True, **options
    )
    return made, load_model(made.folder, allow_pickle=True)


def _rows(table: pd.DataFrame) -> list[list[Any]]:
    return [[None if pd.isna(value) else value for value in row] for row in table.astype(object).to_numpy().tolist()]


def _same(served: ServedModel, model: Any, table: pd.DataFrame) -> None:
    rows = _rows(table)
    predicted = [str(one) for one in model.predict(table)]
    probabilities = model.predict_proba(table)
    for answers in (served.predict(rows), [served.predict([row])[0] for row in rows]):
        assert [one.predicted for one in answers] == predicted
        found = np.array([one.probabilities for one in answers])
        assert np.abs(found - probabilities).max() < 1e-6
        assert [one.confidence for one in answers] == [row[one.class_index] for one, row in zip(answers, found, strict=True)]


def test_a_step_that_means_something_else_for_an_array_gets_a_table(tmp_path: Path) -> None:
    table = _table().mask(np.random.default_rng(1).random((N, 4)) < 0.15)
    truth = np.where(table.mean(axis=1) > 0, "hi", "lo")
    model = make_pipeline(FunctionTransformer(with_row_means), HistGradientBoostingClassifier(max_iter=10)).fit(table, truth)
    made, served = _made(tmp_path, model, table.assign(y=truth), "y")
    assert made.facts.container == "frame"
    _same(served, model, table)


def test_whole_numbers_that_become_text_stay_whole_beside_gaps_and_fractions(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    table = pd.DataFrame({"code": random.integers(1, 5, N), "b": random.normal(size=N)})
    truth = np.where(table.code == 2, "yes", "no")
    text = make_pipeline(FunctionTransformer(as_text), OneHotEncoder(handle_unknown="ignore"))
    model = make_pipeline(make_column_transformer((text, ["code"]), remainder="passthrough"), LogisticRegression())
    model.fit(table, truth)
    for categorical in ((), ("code",)):
        folder = tmp_path / str(len(categorical))
        folder.mkdir()
        _, served = _made(folder, model, table.assign(y=truth), "y", categorical=categorical)
        _same(served, model, table)
        alone = served.predict([[2, 0.1]])[0]
        assert alone.predicted == "yes"
        assert served.predict([[None, 0.3], [2, 0.1], [3, 0.0]])[1] == alone


def test_predict_decides_and_confidence_is_its_classs_probability(tmp_path: Path) -> None:
    table = _table()
    truth = np.where(table.a + np.random.default_rng(2).normal(size=N) > 0.8, 1, 0)
    low = FixedThresholdClassifier(LogisticRegression(), threshold=0.2, response_method="predict_proba").fit(table, truth)
    made, served = _made(tmp_path, low, table.assign(y=truth), "y")
    _same(served, low, table)
    less = sum(one.confidence < 0.5 for one in served.predict(_rows(table)) if one.confidence is not None)
    assert less > 0
    assert f"For {less} of {N} rows the model predicts another class than its most probable one" in " ".join(made.warnings)


def test_a_class_of_ones_own_decides_too(tmp_path: Path) -> None:
    table = _table()
    truth = np.where(table.a > 0, "hi", "lo")
    model = Contrary().fit(table.to_numpy(), truth)
    _, served = _made(tmp_path, model, table.assign(y=truth), "y")
    _same(served, model, table.set_axis(list("abcd"), axis=1))


def test_answers_that_depend_on_the_batch_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    table = _table()
    truth = np.where(table.a > 0, "hi", "lo")
    model = make_pipeline(ScaledByTheBatch(), LogisticRegression()).fit(table, truth)
    with pytest.raises(DataError, match=r"depends on the rows that are asked for beside it.*--accept-difference") as refused:
        _made(tmp_path, model, table.assign(y=truth), "y")
    assert "of 160 rows" in str(refused.value)
    assert not (tmp_path / "served").exists()


def test_an_accepted_difference_is_named_with_its_share(tmp_path: Path) -> None:
    table = _table()
    truth = np.where(table.a > 0, "hi", "lo")
    model = make_pipeline(ScaledByTheBatch(), LogisticRegression()).fit(table, truth)
    made, _ = _made(tmp_path, model, table.assign(y=truth), "y", accept_difference=True)
    comparison = made.facts.comparison
    assert comparison is not None
    assert comparison.different > 0
    assert made.warnings[0].startswith(
        f"Accepted: the answers differ from the fitted model's own for {comparison.different} of 160"
    )
    written = json.loads((made.folder / "model.json").read_text())
    assert written["comparison"]["different"] == comparison.different


def test_what_was_compared_is_kept_and_is_a_part_of_the_version(tmp_path: Path) -> None:
    table = _table()
    truth = np.where(table.a > 0, "hi", "lo")
    made, _ = _made(tmp_path, LogisticRegression().fit(table, truth), table.assign(y=truth), "y")
    comparison = made.facts.comparison
    assert comparison is not None
    assert (comparison.rows, comparison.different, comparison.alone >= N) == (N, 0, True)
    other = made.facts.model_copy(update={"comparison": comparison.model_copy(update={"different": 1})})
    assert other.version != made.facts.version
    assert made.facts.model_copy(update={"runtime": "sklearn"}).version != made.facts.version
    assert made.facts.model_copy(update={"microseconds": {}}).version == made.facts.version


def test_regression_is_held_relatively(tmp_path: Path) -> None:
    table = _table()
    for scale in (1e-9, 1.0, 1e9):
        folder = tmp_path / f"{scale:g}"
        folder.mkdir()
        model = LinearRegression().fit(table, table.a * scale)
        made, served = _made(folder, model, table.assign(y=table.a * scale), "y")
        assert made.facts.comparison is not None
        assert made.facts.comparison.different == 0
        found = np.array([one.predicted for one in served.predict(_rows(table))])
        assert np.abs(found - model.predict(table)).max() < 1e-5 * scale


class TestRuntime:
    def _forest(self, tmp_path: Path, **options: Any) -> tuple[Made, ServedModel, Any, pd.DataFrame]:
        table = _table()
        truth = np.where(table.a + table.b > 0, "hi", "lo")
        model = make_pipeline(StandardScaler(), RandomForestClassifier(15, random_state=0)).fit(table, truth)
        made, served = _made(tmp_path, model, table.assign(y=truth), "y", **options)
        return made, served, model, table

    def test_a_graph_that_agrees_and_is_quicker_answers(self, tmp_path: Path) -> None:
        made, served, model, table = self._forest(tmp_path)
        assert made.facts.runtime == "onnx"
        assert made.facts.graph is not None
        assert served.runtime.startswith("ONNX Runtime")
        assert (made.folder / made.facts.graph.file).is_file()
        assert (made.folder / made.facts.artefact).is_file()
        found = np.array([one.probabilities for one in served.predict(_rows(table))])
        assert np.abs(found - model.predict_proba(table)).max() < 1e-5

    def test_it_is_not_chosen_against_the_users_word(self, tmp_path: Path) -> None:
        made, served, model, table = self._forest(tmp_path, runtime="sklearn")
        assert (made.facts.runtime, made.facts.graph) == ("sklearn", None)
        assert served.runtime.startswith("scikit-learn")
        _same(served, model, table)

    def test_what_cant_be_converted_is_said_with_the_reason(self, tmp_path: Path) -> None:
        table = _table()
        truth = np.where(table.a > 0, "hi", "lo")
        model = Contrary().fit(table.to_numpy(), truth)
        made, _ = _made(tmp_path, model, table.assign(y=truth), "y")
        assert made.facts.runtime == "sklearn"
        assert "skl2onnx can't convert it" in made.facts.choice
        other = tmp_path / "other"
        other.mkdir()
        with pytest.raises(DataError, match=r"can't be served by ONNX Runtime: skl2onnx can't convert it"):
            _made(other, model, table.assign(y=truth), "y", runtime="onnx")
        assert not (other / "served").exists()

    def test_a_replaced_model_leaves_no_graph_behind(self, tmp_path: Path) -> None:
        made, *_ = self._forest(tmp_path)
        assert (made.folder / "model.onnx").is_file()
        again, *_ = self._forest(tmp_path, runtime="sklearn")
        assert again.folder == made.folder
        assert not (made.folder / "model.onnx").exists()

    def test_a_folder_of_an_earlier_release_keeps_working_with_its_version(self, tmp_path: Path) -> None:
        made, served, model, table = self._forest(tmp_path, runtime="sklearn")
        profile = json.loads((made.folder / "profile.json").read_text())
        for feature in profile["features"]:
            for name in ("dtype", "gap", "whole", "drift", "levels", "ordered", "precision"):
                feature.pop(name, None)
        profile["predictions"].pop("precision", None)
        (made.folder / "profile.json").write_text(json.dumps(profile))
        facts = json.loads((made.folder / "model.json").read_text())
        for name in ("runtime", "graph", "container", "comparison", "choice", "microseconds", "output"):
            facts.pop(name, None)
        import hashlib

        facts |= {
            "schema_version": 2,
            "profile_sha256": hashlib.sha256((made.folder / "profile.json").read_bytes()).hexdigest(),
        }
        (made.folder / "model.json").write_text(json.dumps(facts))
        old = load_model(made.folder, allow_pickle=True)
        assert old.facts.version == hashlib.sha256(f"{facts['sha256']}{facts['profile_sha256']}".encode()).hexdigest()[:12]
        assert old.predict(_rows(table)) == served.predict(_rows(table))
        _same(old, model, table)
