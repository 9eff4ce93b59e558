"""The figures of a report: drift with its verdict, or none and why; and quality."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vitals.bundle.folder import ServedFolder, read_folder
from vitals.profiling.examples import train_example
from vitals.report.drift import PREDICTION, prediction_drift
from vitals.report.reference import read_rows
from vitals.report.rows import LoggedRow

from .logged_double import Kept, label, logged
from .made_reports import held_out, iris, made

__all__ = ["held_out", "iris"]


def test_held_out_rows_as_they_are_have_not_drifted(iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path) -> None:
    rows = held_out * 5
    found = made(
        Kept(logged(iris, rows, size=37), [label(iris, f"p{at}", row.label) for at, row in enumerate(rows)]), iris, model_folder
    )
    assert found.compared.what.endswith("held-out rows (held_out.csv)")
    assert all(one.psi < 0.2 and one.drifted is False for one in found.features)
    assert {one.reference_rows for one in found.features} == {iris.profile.rows}  # the figures are those of the alerts
    assert found.quality.accuracy == 1.0  # its answers in this test are the labels
    assert found.reference_quality.accuracy is not None
    assert found.reference_quality.accuracy > 0.85  # these are the model's own
    assert found.prediction is not None
    assert found.prediction.name == PREDICTION
    assert found.notes == []


def test_a_shifted_feature_has_drifted_and_no_other(iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path) -> None:
    rows = [LoggedRow((*row.values[:3], None), label=row.label) for row in held_out * 5]
    found = made(Kept(logged(iris, rows)), iris, model_folder)
    assert [one.drifted for one in found.features] == [False, False, False, True]
    assert found.features[3].missing_share == 1.0
    assert found.quality.labelled == 0


def test_too_few_rows_for_a_verdict_have_none(iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path) -> None:
    found = made(Kept(logged(iris, held_out)), iris, model_folder)
    assert {one.drifted for one in found.features} == {None}
    assert any("too few for a verdict" in note for note in found.notes)


@pytest.mark.slow
def test_a_feature_whose_drift_is_not_watched_has_no_verdict(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("evidently")
    from vitals.cli.verbs.report import _print, as_document
    from vitals.report.evidently_page import Page

    first, *others = iris.profile.features
    quiet = iris.profile.model_copy(update={"features": (first.model_copy(update={"drift": False}), *others)})
    folder = dataclasses.replace(iris, profile=quiet)
    rows = [LoggedRow((99.0, *row.values[1:]), label=row.label) for row in held_out * 5]
    kept = Kept(logged(iris, rows), [label(iris, f"p{at}", row.label) for at, row in enumerate(rows)])
    found = made(kept, folder, model_folder)
    shown = found.features[0]
    assert (shown.watched, shown.psi, shown.psi_threshold, shown.js_distance, shown.drifted) == (False, None, None, None, None)
    assert shown.out_of_range_share == 1.0
    assert [one.drifted for one in found.features[1:]] == [False] * 3
    assert f"Drift is not watched, as `vitals profile --no-drift` said, of: {first.name}." in found.notes
    assert Page(quiet).write(tmp_path / "report.html", found.compared, found.features, found.prediction) == []
    assert f'"column_name": "{first.name}", "stattest_name"' not in (tmp_path / "report.html").read_text()
    assert as_document(found, None)["features"][0]["watched"] is False
    _print(found, None)


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diabetes")
    train_example(folder, "diabetes")
    return folder


@pytest.mark.slow
def test_a_regression_has_errors_instead_of_accuracy(diabetes: Path, tmp_path: Path) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    folder = read_folder(diabetes)
    true = read_rows(diabetes / "held_out.csv", folder.profile)
    rows = [LoggedRow(row.values, predicted=float(row.label or 0) + 10) for row in true]
    kept = Kept(logged(folder, rows, size=5), [label(folder, f"p{at}", row.label) for at, row in enumerate(true)])
    found = made(kept, folder, diabetes)
    assert found.quality.mean_absolute_error == pytest.approx(10)
    assert found.reference_quality.mean_absolute_error is not None
    assert prediction_drift(folder.profile, found.compared.current, found.compared.current) is not None
    assert Page(folder.profile).write(tmp_path / "report.html", found.compared, found.features, found.prediction) == []
    assert '"label": "MAE"' in (tmp_path / "report.html").read_text()
