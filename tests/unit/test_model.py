"""The model's folder: what is trained is what is loaded, and anything else is refused with a sentence."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from pathlib import Path

import pytest

from vitals.errors import ModelMismatch, ModelMissing
from vitals.model.facts import ARTEFACT_FILE, FACTS_FILE, read_facts, sha256_of
from vitals.model.served import load_model


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model's folder to spoil."""
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def _rewrite(folder: Path, **changes: object) -> None:
    facts = json.loads((folder / FACTS_FILE).read_text())
    (folder / FACTS_FILE).write_text(json.dumps({**facts, **changes}))


def test_the_version_is_the_artefacts_hash(model_folder: Path) -> None:
    facts = read_facts(model_folder)
    assert facts.version == sha256_of(model_folder / ARTEFACT_FILE)[:12]


def test_predicts_the_held_out_rows_as_well_as_it_says(model_folder: Path) -> None:
    model = load_model(model_folder)
    with (model_folder / "held_out.csv").open() as file:
        rows = list(csv.DictReader(file))
    outcomes = model.predict([[float(row[feature.name]) for feature in model.facts.features] for row in rows])
    right = sum(outcome.predicted == row["label"] for outcome, row in zip(outcomes, rows, strict=True))
    assert right / len(rows) == pytest.approx(model.facts.quality["accuracy"])


@pytest.mark.parametrize("name", [ARTEFACT_FILE, FACTS_FILE])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelMissing, match=name):
        load_model(copy)


def test_an_artefact_of_another_model_is_refused(copy: Path) -> None:
    (copy / ARTEFACT_FILE).write_bytes((copy / ARTEFACT_FILE).read_bytes() + b"\0")
    with pytest.raises(ModelMismatch, match="hash begins with"):
        load_model(copy)


def test_facts_of_another_model_are_refused(copy: Path) -> None:
    _rewrite(copy, classes=["cat", "dog", "mouse"])
    with pytest.raises(ModelMismatch, match="knows the classes setosa"):
        load_model(copy)


def test_a_feature_too_few_is_refused(copy: Path) -> None:
    features = json.loads((copy / FACTS_FILE).read_text())["features"]
    _rewrite(copy, features=features[:3])
    with pytest.raises(ModelMismatch, match="takes 4 features"):
        load_model(copy)


def test_facts_that_are_no_facts_are_refused(copy: Path) -> None:
    (copy / FACTS_FILE).write_text("[]")
    with pytest.raises(ModelMismatch, match="does not describe a model"):
        load_model(copy)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code from the artefact ran",))


def test_a_pickle_is_not_loaded(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / ARTEFACT_FILE).write_bytes(pickle.dumps(_Evil()))
    _rewrite(copy, sha256=sha256_of(copy / ARTEFACT_FILE))
    with pytest.raises(ModelMismatch, match="can't be loaded as a skops artefact"):
        load_model(copy)
    assert "ran" not in capsys.readouterr().out


def test_types_that_skops_does_not_trust_are_not_loaded(copy: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from skops.io import dump

    model = LogisticRegression()
    model.notes = Path("/tmp")
    dump(model, copy / ARTEFACT_FILE)
    _rewrite(copy, sha256=sha256_of(copy / ARTEFACT_FILE))
    with pytest.raises(ModelMismatch, match="not trusted"):
        load_model(copy)
