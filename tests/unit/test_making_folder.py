"""What making a served folder leaves of what was there before: nothing of an earlier model, everything of somebody else."""

from __future__ import annotations

import json
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from vitals.errors import DataError
from vitals.model.served import load_model
from vitals.profiling.bundle import Made, Reference, make_folder
from vitals.profiling.examples import train_example

from .models import CARD, mixed, pipeline_of

pytestmark = pytest.mark.slow


def test_a_folder_made_anew_has_nothing_of_the_model_before(tmp_path: Path, model_folder: Path) -> None:
    import shutil

    shutil.copytree(model_folder, tmp_path / "served")
    table = mixed()
    artefact = tmp_path / "m.joblib"
    joblib.dump(pipeline_of(table, LogisticRegression()), artefact)
    make_folder(artefact, Reference(table, "bought", ("code",)), CARD, tmp_path / "served", allow_pickle=True)
    assert sorted(path.name for path in (tmp_path / "served").iterdir()) == ["model.joblib", "model.json", "profile.json"]


def test_files_of_somebody_else_are_left_alone(tmp_path: Path, model_folder: Path) -> None:
    import shutil

    def make(folder: Path, suffix: str = ".joblib") -> Made:
        artefact = tmp_path / f"m{suffix}"
        joblib.dump(pipeline_of(table, LogisticRegression()), artefact)
        return make_folder(artefact, Reference(table, "bought", ("code",), table), CARD, folder, allow_pickle=True)

    table = mixed()
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
    (tmp_path / "served" / "model.pickle").write_text("mine")
    (tmp_path / "served" / "notes.txt").write_text("mine")
    make(tmp_path / "served")
    made = ["held_out.csv", "model.joblib", "model.json", "profile.json"]
    assert sorted(path.name for path in (tmp_path / "served").iterdir()) == sorted([*made, "model.pickle", "notes.txt"])
    (tmp_path / "served" / "model.pkl").write_text("mine")
    with pytest.raises(DataError, match=r"model\.pkl is not of the model that was made there before"):
        make(tmp_path / "served", ".pkl")
    assert (tmp_path / "served" / "model.pkl").read_text() == "mine"


def test_an_example_takes_the_place_of_the_one_before_also_of_the_older_layout(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    train_example(folder, "diabetes")
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.onnx").unlink()
    (folder / "model.json").write_text(json.dumps({"schema_version": 1, "name": "iris", "sha256": facts["sha256"]}))
    train_example(folder)
    train_example(folder)
    assert load_model(folder).facts.name == "iris"
