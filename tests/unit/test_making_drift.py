"""`vitals profile --no-drift`, and what is noted of features that drift by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io import dump
from typer.testing import CliRunner

from vitals.bundle.folder import read_folder
from vitals.cli.all_verbs import app
from vitals.errors import DataError
from vitals.profiling.bundle import Made, Reference

from .models import made_in

pytestmark = pytest.mark.slow


def rows_by_the_clock() -> pd.DataFrame:
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "hour": random.integers(0, 24, 300),
            "weekday": random.integers(0, 7, 300),
            "site": np.ones(300),
            "size": random.normal(size=300),
        }
    )
    return table.assign(sold=np.where(table["size"] > 0, "yes", "no"))


def made(tmp_path: Path, *no_drift: str) -> Made:
    table = rows_by_the_clock()
    model = LogisticRegression().fit(table.drop(columns="sold"), table.sold)
    tmp_path.mkdir(exist_ok=True)
    return made_in(tmp_path, model, Reference(table, "sold", no_drift=no_drift))


def test_features_that_go_with_the_clock_are_noted_until_they_are_left_out(tmp_path: Path) -> None:
    noted = made(tmp_path / "noted")
    assert [note for note in noted.warnings if "hour (a day), weekday (a week)" in note]
    assert [note for note in noted.warnings if note.startswith("The same value in every row: site. Any other value")]
    quiet = made(tmp_path / "quiet", "hour", "weekday", "site")
    assert not [note for note in quiet.warnings if "--no-drift" in note or "same value" in note]
    assert [feature.drift for feature in quiet.profile.features] == [False, False, False, True]
    assert read_folder(quiet.folder).profile == quiet.profile
    # Of one feature less chance has to be kept away.
    assert quiet.profile.features[3].psi_null < noted.profile.features[3].psi_null


def test_all_features_can_be_left_out(tmp_path: Path) -> None:
    assert not any(feature.drift for feature in made(tmp_path, "hour", "weekday", "site", "size").profile.features)


@pytest.mark.parametrize("name", ["hours", "sold", ""])
def test_what_is_no_feature_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"There is no feature '{name}' to leave out of drift with --no-drift"):
        made(tmp_path, "hour", name)
    assert not (tmp_path / "served").exists()


def test_the_command(tmp_path: Path) -> None:
    table = rows_by_the_clock()
    dump(LogisticRegression().fit(table.drop(columns="sold"), table.sold), tmp_path / "m.skops")
    table.to_csv(tmp_path / "data.csv", index=False)
    arguments = ["profile", "--model", tmp_path / "m.skops", "--data", tmp_path / "data.csv", "--target", "sold"]
    arguments += ["--no-drift", "hour", "--no-drift", "weekday", "-o", tmp_path / "out"]
    told = CliRunner().invoke(app, [str(one) for one in arguments])
    assert told.exit_code == 0, told.output
    assert "Drift is not watched: hour, weekday" in told.output
    as_json = json.loads(CliRunner().invoke(app, [str(one) for one in [*arguments, "--json"]]).output)
    assert {name: feature["drift"] for name, feature in as_json["features"].items()} == {
        "hour": False,
        "weekday": False,
        "site": True,
        "size": True,
    }
