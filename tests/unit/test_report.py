"""`vitals report` on documents as Elasticsearch keeps them: drift, quality, versions, references, and every sentence."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from vitals.errors import ReportError, SettingsError, StackError
from vitals.making.examples import train_example
from vitals.model.served import load_model
from vitals.profile.folder import ServedFolder, read_folder
from vitals.report.drift import PREDICTION, prediction_drift
from vitals.report.making import Made, make
from vitals.report.period import Period
from vitals.report.reading import Events
from vitals.report.reference import read_rows
from vitals.report.rows import Row, rows_of_predictions
from vitals.stack.progress import Silent

from .logged_double import Kept, event, label, logged

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
HOUR = Period(NOW - timedelta(hours=1), NOW)


@pytest.fixture(scope="session")
def iris(model_folder: Path) -> ServedFolder:
    return read_folder(model_folder)


@pytest.fixture(scope="session")
def held_out(model_folder: Path, iris: ServedFolder) -> list[Row]:
    return read_rows(model_folder / "held_out.csv", iris.profile)


def made(kept: Kept, folder: ServedFolder, path: Path, **more: Any) -> Made:
    def answer(rows: Sequence[Sequence[Any]]) -> list[str | float]:
        return [outcome.predicted for outcome in load_model(path).predict(rows)]

    given: dict[str, Any] = {"version": None, "reference": None, "max_rows": 10_000, "answer": answer, **more}
    return make(kept, folder, HOUR, folder_path=path, progress=Silent(), **given)  # type: ignore[arg-type]


def test_reading_ends_at_the_limit_with_the_newest_rows(iris: ServedFolder, held_out: list[Row], model_folder: Path) -> None:
    found = made(Kept(logged(iris, (held_out * 6)[:200], size=4)), iris, model_folder, max_rows=150)
    assert len(found.compared.current) == 150
    assert found.compared.current[-1].id == "p199"
    assert any("more than 150 rows" in note and "--max-rows" in note for note in found.notes)


def test_held_out_rows_as_they_are_have_not_drifted(iris: ServedFolder, held_out: list[Row], model_folder: Path) -> None:
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


def test_a_shifted_feature_has_drifted_and_no_other(iris: ServedFolder, held_out: list[Row], model_folder: Path) -> None:
    rows = [Row((*row.values[:3], None), label=row.label) for row in held_out * 5]
    found = made(Kept(logged(iris, rows)), iris, model_folder)
    assert [one.drifted for one in found.features] == [False, False, False, True]
    assert found.features[3].missing_share == 1.0
    assert found.quality.labelled == 0


def test_too_few_rows_for_a_verdict_have_none(iris: ServedFolder, held_out: list[Row], model_folder: Path) -> None:
    found = made(Kept(logged(iris, held_out)), iris, model_folder)
    assert {one.drifted for one in found.features} == {None}
    assert any("too few for a verdict" in note for note in found.notes)


@pytest.mark.parametrize(
    ("kept", "more", "sentence"),
    [
        (lambda *_: Kept(unused={"elasticsearch logs": "nothing is sent there"}), {}, "nothing is sent there"),
        (lambda *_: Kept(), {}, "No prediction of the model iris was logged .* earlier --since"),
        (
            lambda iris, rows: Kept([{k: v for k, v in one.items() if not k.endswith("features")} for one in logged(iris, rows)]),
            {},
            "none of them with its features: set LOG_FEATURES=true",
        ),
        (lambda iris, rows: Kept(logged(iris, rows[:5])), {}, "5 rows can be read back .* wants 10"),
        (
            lambda iris, rows: Kept(logged(iris, rows)),
            {"version": "0123456789ab"},
            "0123456789ab was logged .* there are",
        ),
        (
            lambda iris, rows: Kept([*logged(iris, rows), event(iris, rows[:1], 99, **{"ml.model.version": "newer"})]),
            {},
            "MODEL_DIR holds .* choose --model-version",
        ),
    ],
    ids=["logs elsewhere", "nothing logged", "no features", "too few", "no such version", "a newer version"],
)
def test_what_is_missing_is_a_sentence(
    iris: ServedFolder,
    held_out: list[Row],
    model_folder: Path,
    kept: Callable[[ServedFolder, list[Row]], Kept],
    more: Mapping[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(ReportError, match=sentence):
        made(kept(iris, held_out), iris, model_folder, **more)


def test_of_several_versions_the_last_one_counts_and_it_is_said(
    iris: ServedFolder, held_out: list[Row], model_folder: Path
) -> None:
    older = [event(iris, held_out[:1], 900 + at, **{"ml.model.version": "older"}) for at in range(3)]
    found = made(Kept([*older, *logged(iris, held_out)]), iris, model_folder)
    assert len(found.compared.current) == len(held_out)
    assert any("Several versions" in note and "older (3 requests)" in note for note in found.notes)


def test_elasticsearch_away_refusing_or_replaced_is_a_sentence() -> None:
    def asked(transport: httpx.MockTransport) -> None:
        Events(httpx.Client(base_url="http://elasticsearch", transport=transport), "iris").versions(HOUR)

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(StackError, match="does not answer"):
        asked(httpx.MockTransport(away))
    with pytest.raises(StackError, match="answered 401"):
        asked(httpx.MockTransport(lambda _: httpx.Response(401, text="no")))
    for other in (httpx.Response(200, text="<html>"), httpx.Response(200, json=[]), httpx.Response(200, json={"hits": 1})):
        with pytest.raises(StackError, match="speaks otherwise"):
            asked(httpx.MockTransport(lambda _, other=other: other))  # type: ignore[misc]


def test_a_reference_file_is_csv_or_parquet_and_wrong_ones_are_sentences(
    iris: ServedFolder, held_out: list[Row], model_folder: Path, tmp_path: Path
) -> None:
    import pandas as pd

    frame = pd.read_csv(model_folder / "held_out.csv")
    frame.to_parquet(tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.parquet", iris.profile) == held_out
    named = made(Kept(logged(iris, held_out)), iris, model_folder, reference=tmp_path / "rows.parquet")
    assert named.compared.what == f"compared with the rows of {tmp_path / 'rows.parquet'}"

    frame.drop(columns="petal_width").to_csv(tmp_path / "narrow.csv", index=False)
    (tmp_path / "wrong.parquet").write_text("no")
    (tmp_path / "empty.csv").write_text("")
    for name, sentence in (
        ("narrow.csv", "no column 'petal_width'"),
        ("wrong.parquet", "can't be read"),
        ("empty.csv", "can't be read"),
        ("none.csv", "can't be read"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            read_rows(tmp_path / name, iris.profile)


@pytest.mark.parametrize(("first", "lands"), [("Mali", ("Mali", None, None, None)), ("NA", ("NA", "None", None, "null"))])
def test_profiles_and_reports_read_a_file_alike(tmp_path: Path, first: str, lands: tuple[str | None, ...]) -> None:
    """Gaps are those of plain pandas for both, and so is a word for nothing that is a category."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    from skops.io import dump

    from vitals.making.data import column_of, read_table
    from vitals.making.served_folder import Card, Reference, make_folder
    from vitals.model.known_column import KnownColumn

    path = tmp_path / "data.csv"
    lines = [
        f"{first},1.5,1.0,True,True",
        "None,nan,2.0,,False",
        ",,,False,True",
        "null,2e3,nan,TRUE,False",
        '"",NaN,3.0,False,False',
    ]
    path.write_text("\ufeffland,size,code,flag,sold\n" + "\n".join(lines * 20) + "\n", encoding="utf-8")
    table = read_table(path).frame({"land": KnownColumn((first, "Peru"), "object", takes_categories=True)})
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["land", "code", "flag"]), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=2)).fit(table.drop(columns="sold"), table.sold)
    dump(model, tmp_path / "m.skops")
    profile = make_folder(tmp_path / "m.skops", Reference(table, "sold", ("code",)), Card("m"), tmp_path / "served").profile
    by_column = [column_of(table, one.name, categorical=one.kind == "categorical").values for one in profile.features]
    rows = read_rows(path, profile)
    assert [row.values for row in rows] == list(zip(*by_column, strict=True))
    assert tuple(row.values[0] for row in rows[:4]) == lands
    assert rows[0].values[1:] == (1.5, 1, True)
    assert rows[2].values == (None, None, None, False)
    assert [row.label for row in rows[:3]] == ["true", "false", "true"]
    assert profile.features[0].missing_share == pytest.approx((lands.count(None) + 1) / 5)


def test_rows_that_were_left_out_of_the_log_are_told(iris: ServedFolder, held_out: list[Row], model_folder: Path) -> None:
    cut = event(iris, held_out[:30], 0)
    kept = json.dumps(json.loads(cut["ml.prediction.features"])[:25])
    cut |= {"ml.prediction.features": kept, "ml.prediction.features_omitted": 5}
    found = made(Kept([cut]), iris, model_folder)
    assert len(found.compared.current) == 25
    assert any("5 rows of large requests were answered without being logged" in note for note in found.notes)
    for strange in (-1, 4, 31, "many"):
        read = rows_of_predictions([{**cut, "ml.prediction.features_omitted": strange}], iris.profile)
        assert (read.rows, read.omitted, read.unreadable) == ([], 0, 1)


def test_without_held_out_rows_the_earlier_half_is_the_reference(
    iris: ServedFolder, held_out: list[Row], model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    (folder / "held_out.csv").unlink()
    found = made(Kept(logged(iris, held_out * 2)), iris, folder)
    assert "earlier half" in found.compared.what
    assert len(found.compared.reference) == len(found.compared.current) == len(held_out)
    assert found.compared.reference[0].id == "p0"


def test_the_page_loads_nothing_and_says_what_the_figures_say(
    iris: ServedFolder, held_out: list[Row], model_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    rows = [Row((9.0, *row.values[1:3], None), label=row.label) for row in held_out * 4]
    kept = Kept(logged(iris, rows), [label(iris, f"p{at}", row.label) for at, row in enumerate(rows)])
    found = made(kept, iris, model_folder)
    left_out = Page(iris.profile).write(tmp_path / "report.html", found.compared, found.features, found.prediction)
    assert left_out == ["petal_width is not in the page: it has no value at all in the rows."]
    page = (tmp_path / "report.html").read_text()
    assert re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=", page) == []
    assert re.findall(r"(?:@import\s+|url\()\s*(?:url\()?['\"]?https?:", page) == []
    assert "PSI in the profile's bins" in page
    assert '"label": "Accuracy"' in page
    assert f'"drift_score": {round(found.features[0].psi, 6)}' in page
    with pytest.raises(ReportError, match="can't be written"):
        Page(iris.profile).write(tmp_path / "none" / "x.html", found.compared, found.features, found.prediction)


def test_a_feature_whose_drift_is_not_watched_has_no_verdict(
    iris: ServedFolder, held_out: list[Row], model_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("evidently")
    from vitals.cli.report import _print, as_document
    from vitals.report.evidently_page import Page

    first, *others = iris.profile.features
    quiet = iris.profile.model_copy(update={"features": (first.model_copy(update={"drift": False}), *others)})
    folder = dataclasses.replace(iris, profile=quiet)
    rows = [Row((99.0, *row.values[1:]), label=row.label) for row in held_out * 5]
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


def test_without_evidently_it_says_what_to_install(iris: ServedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from vitals.report import evidently_page

    monkeypatch.setattr(evidently_page, "find_spec", lambda _: None)
    with pytest.raises(ReportError, match=r"install vitals\[report\], or use --json"):
        evidently_page.Page(iris.profile)


def test_quality_that_evidently_cannot_compute_is_left_out_with_a_sentence(
    iris: ServedFolder, held_out: list[Row], model_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    found = made(Kept(logged(iris, held_out * 3)), iris, model_folder)
    [left_out] = Page(iris.profile).write(tmp_path / "report.html", found.compared, found.features, found.prediction)
    assert "Quality is not in the page" in left_out


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diabetes")
    train_example(folder, "diabetes")
    return folder


def test_a_regression_has_errors_instead_of_accuracy(diabetes: Path, tmp_path: Path) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    folder = read_folder(diabetes)
    true = read_rows(diabetes / "held_out.csv", folder.profile)
    rows = [Row(row.values, predicted=float(row.label or 0) + 10) for row in true]
    kept = Kept(logged(folder, rows, size=5), [label(folder, f"p{at}", row.label) for at, row in enumerate(true)])
    found = made(kept, folder, diabetes)
    assert found.quality.mean_absolute_error == pytest.approx(10)
    assert found.reference_quality.mean_absolute_error is not None
    assert prediction_drift(folder.profile, found.compared.current, found.compared.current) is not None
    assert Page(folder.profile).write(tmp_path / "report.html", found.compared, found.features, found.prediction) == []
    assert '"label": "MAE"' in (tmp_path / "report.html").read_text()
