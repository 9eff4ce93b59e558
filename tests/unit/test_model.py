"""The model's folder: what was made is what is loaded, and anything else is refused with a sentence."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from vitals.bundle.folder import read_folder
from vitals.bundle.model_card import FACTS_FILE, HELD_OUT_FILE, PROFILE_FILE, sha256_of
from vitals.errors import ModelMismatch, ModelMissing
from vitals.model.served import load_model
from vitals.model_formats.trees import check_trees
from vitals.model_io.output import ModelOutput

ARTEFACT_FILE = "model.skops"


GRAPH_FILE = "model.onnx"


@pytest.fixture(params=["sklearn", "onnx"])
def either(model_folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the model's folder to spoil, as each runtime answers it."""
    folder = Path(shutil.copytree(model_folder, tmp_path / "model"))
    _rewrite(folder, runtime=request.param)
    return folder


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    """The same, where the estimator itself answers."""
    folder = Path(shutil.copytree(model_folder, tmp_path / "model"))
    _rewrite(folder, runtime="sklearn")
    return folder


def _rewrite(folder: Path, file: str = FACTS_FILE, **changes: object) -> None:
    """Change a document; the facts' hashes are made right again, as whoever means harm would."""
    written = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**written, **changes}))
    if file == PROFILE_FILE:
        _rewrite(folder, profile_sha256=sha256_of(folder / file))


def test_the_version_is_from_everything_that_decides_the_answers(model_folder: Path) -> None:
    facts = read_folder(model_folder).facts
    assert facts.graph is not None
    other = "0" * 64
    changes: list[dict[str, Any]] = [
        {"sha256": other},
        {"profile_sha256": other},
        {"runtime": "sklearn"},
        {"graph": facts.graph.model_copy(update={"sha256": other})},
        {"container": "frame"},
        {"comparison": None},
    ]
    versions = {facts.version, *(facts.model_copy(update=change).version for change in changes)}
    assert len(versions) == len(changes) + 1
    assert facts.model_copy(update={"name": "other", "choice": "", "microseconds": {}}).version == facts.version


def test_a_new_profile_is_a_version_of_its_own(copy: Path) -> None:
    before = read_folder(copy).facts
    _rewrite(copy, PROFILE_FILE, quality_rows=7)
    after = read_folder(copy).facts
    assert after.sha256 == before.sha256
    assert after.version != before.version


def test_predicts_the_held_out_rows(model_folder: Path) -> None:
    model = load_model(model_folder)
    with (model_folder / HELD_OUT_FILE).open() as file:
        rows = list(csv.DictReader(file))
    outcomes = model.predict([[float(row[feature.name]) for feature in model.profile.features] for row in rows])
    right = sum(outcome.predicted == row[model.profile.target] for outcome, row in zip(outcomes, rows, strict=True))
    assert right / len(rows) > 0.9
    for outcome in outcomes:
        assert outcome.probabilities is not None
        assert outcome.class_index is not None
        assert outcome.confidence == max(outcome.probabilities) == outcome.probabilities[outcome.class_index]
        assert outcome.predicted == model.profile.classes[outcome.class_index]


def test_no_feature_name_warning(either: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(either).predict([[5.1, 3.5, 1.4, 0.2]])


@pytest.mark.parametrize("name", [ARTEFACT_FILE, GRAPH_FILE, FACTS_FILE, PROFILE_FILE])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelMissing, match=name):
        load_model(copy)


@pytest.mark.parametrize("name", [ARTEFACT_FILE, GRAPH_FILE, PROFILE_FILE])
def test_a_file_of_another_model_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes() + b"\n")
    with pytest.raises(ModelMismatch, match=rf"{name} is not the file that .* hash begins with"):
        load_model(copy)


def test_a_profile_of_other_classes_is_refused(either: Path) -> None:
    _rewrite(either, PROFILE_FILE, classes=["cat", "dog", "mouse"])
    with pytest.raises(ModelMismatch, match="knows the classes setosa"):
        load_model(either)


def test_a_profile_with_a_feature_too_few_is_refused(either: Path) -> None:
    features = json.loads((either / PROFILE_FILE).read_text())["features"]
    _rewrite(either, PROFILE_FILE, features=features[:3])
    with pytest.raises(ModelMismatch, match="takes 4 features"):
        load_model(either)


def test_a_profile_with_features_in_another_order_is_refused(either: Path) -> None:
    features = json.loads((either / PROFILE_FILE).read_text())["features"]
    _rewrite(either, PROFILE_FILE, features=features[::-1])
    with pytest.raises(ModelMismatch, match="takes the features sepal_length, "):
        load_model(either)


def test_a_profile_for_another_task_is_refused(either: Path) -> None:
    _rewrite(either, PROFILE_FILE, task="regression", classes=[])
    with pytest.raises(ModelMismatch, match="made for classification"):
        load_model(either)


def test_facts_that_are_no_facts_are_refused(copy: Path) -> None:
    (copy / FACTS_FILE).write_text("[]")
    with pytest.raises(ModelMismatch, match="does not describe a model"):
        load_model(copy)


def test_a_folder_of_the_older_layout_is_to_be_made_again(copy: Path) -> None:
    (copy / FACTS_FILE).write_text(json.dumps({"schema_version": 1, "name": "iris"}))
    with pytest.raises(ModelMismatch, match=r"older layout.*vitals train-example"):
        read_folder(copy)


@pytest.mark.parametrize("name", ["../model.skops", "/etc/passwd", "model/../../x"])
def test_the_artefact_is_in_the_folder(copy: Path, name: str) -> None:
    _rewrite(copy, artefact=name)
    with pytest.raises(ModelMismatch, match="artefact"):
        read_folder(copy)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code from the artefact ran",))


def _put(folder: Path, name: str, write: Callable[[Path], Any]) -> None:
    """Another artefact, with the hash that it has."""
    write(folder / name)
    form = "skops" if name.endswith("skops") else "pickle"
    _rewrite(folder, artefact=name, format=form, sha256=sha256_of(folder / name))


@pytest.mark.parametrize("name", ["model.skops", "model.pickle", "model.joblib", "model.pkl"])
def test_a_pickle_is_not_loaded(copy: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    _put(copy, name, lambda path: path.write_bytes(pickle.dumps(_Evil())))
    with pytest.raises(ModelMismatch, match=r"is a pickle, not a skops file|a pickle can run any code"):
        load_model(copy)
    assert "ran" not in capsys.readouterr().out


def test_a_pickle_is_loaded_where_it_is_allowed(copy: Path) -> None:
    from skops.io import load

    model = load(copy / ARTEFACT_FILE)
    before = load_model(copy).predict([[5.1, 3.5, 1.4, 0.2]])
    _put(copy, "model.pickle", lambda path: path.write_bytes(pickle.dumps(model)))
    assert load_model(copy, allow_pickle=True).predict([[5.1, 3.5, 1.4, 0.2]]) == before


def test_types_that_skops_does_not_trust_are_not_loaded(copy: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from skops.io import dump

    model = LogisticRegression()
    model.notes = Path("/tmp")
    _put(copy, ARTEFACT_FILE, lambda path: dump(model, path))
    with pytest.raises(ModelMismatch, match=r"not trusted \(pathlib"):
        load_model(copy)


def test_a_classifier_without_probabilities_is_refused(copy: Path) -> None:
    from sklearn.datasets import load_iris
    from sklearn.svm import LinearSVC
    from skops.io import dump

    rows, labels = load_iris(return_X_y=True)
    _put(copy, ARTEFACT_FILE, lambda path: dump(LinearSVC().fit(rows, labels), path))
    with pytest.raises(ModelMismatch, match="LinearSVC, which gives no probabilities"):
        load_model(copy)


def test_what_is_no_number_is_an_error(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(model_folder)
    monkeypatch.setattr(model, "ask", lambda _: ModelOutput(np.array([[np.nan, 0.5, 0.5]])))
    with pytest.raises(ValueError, match="no number"):
        model.predict([[5.1, 3.5, 1.4, 0.2]])


def _data() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 4))
    return rows, (rows[:, 0] + rows[:, 1] > 0).astype(int)


@pytest.mark.parametrize(
    "made", [RandomForestClassifier(5), GradientBoostingClassifier(n_estimators=5), HistGradientBoostingClassifier(max_iter=5)]
)
def test_trees_of_scikit_learn_pass(made: Any) -> None:
    check_trees(made.fit(*_data()))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("left_child", 10**6, "node"),
        ("right_child", -7, "node"),
        ("left_child", 0, "node"),
        ("feature", 4, "feature"),
        ("feature", -3, "feature"),
    ],
)
def test_a_tree_that_points_nowhere_is_refused(field: str, value: int, said: str) -> None:
    model = RandomForestClassifier(3, random_state=0).fit(*_data())
    tree = model.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    with pytest.raises(ValueError, match=f"a {said} that does not exist"):
        check_trees(model)


def test_a_tree_of_more_features_than_its_forest_is_refused() -> None:
    """The forest looks at the rows' width, its trees do not."""
    model = RandomForestClassifier(3, random_state=0).fit(*_data())
    model.n_features_in_ = 1
    with pytest.raises(ValueError, match="feature that does not exist"):
        check_trees(model)


@pytest.mark.parametrize(("field", "value"), [("left", 10**6), ("right", 0), ("feature_idx", 4)])
def test_a_boosted_tree_that_points_nowhere_is_refused(field: str, value: int) -> None:
    model = HistGradientBoostingClassifier(max_iter=3).fit(*_data())
    model._predictors[0][0].nodes[field][0] = value
    with pytest.raises(ValueError, match="does not exist"):
        check_trees(model)
