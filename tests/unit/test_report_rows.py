"""Rows for `vitals report` from documents as Elasticsearch keeps them: predictions, their labels, pages, and which count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vitals.bundle.folder import ServedFolder
from vitals.report import reading
from vitals.report.rows import LoggedRow, labelled, rows_of_predictions, value_of

from .logged_double import Kept, event, label, logged
from .made_reports import held_out, iris, made

__all__ = ["held_out", "iris"]


def test_a_request_of_many_rows_is_many_rows(iris: ServedFolder, held_out: list[LoggedRow]) -> None:
    one, many = event(iris, held_out[:1], 0), event(iris, held_out[1:4], 1)
    found = rows_of_predictions([one, many], iris.profile)
    assert [row.id for row in found.rows] == ["p0", "p1", "p2", "p3"]
    assert [row.values for row in found.rows] == [row.values for row in held_out[:4]]
    assert [row.predicted for row in found.rows] == [row.label for row in held_out[:4]]


@pytest.mark.parametrize(
    "damaged",
    [
        {"ml.prediction.features": '[{"sepal_length": 5.1, "sepal_wi'},
        {"ml.prediction.features": '[{"sepal_length": ****}]'},
        {"ml.prediction.features": "[1, 2]"},
        {"ml.prediction.features": 7},
        {"ml.prediction.id": ["p0", "p1"]},
        {"ml.prediction.class": ["setosa", "setosa"]},
    ],
    ids=["cut off", "masked", "no rows", "no text", "too many ids", "too many answers"],
)
def test_a_damaged_record_is_counted_and_left_out(iris: ServedFolder, held_out: list[LoggedRow], damaged: dict[str, Any]) -> None:
    found = rows_of_predictions([{**event(iris, held_out[:1], 0), **damaged}, event(iris, held_out[:1], 1)], iris.profile)
    assert (len(found.rows), found.unreadable, found.without_features) == (1, 1, 0)


def test_the_first_label_of_a_prediction_counts(iris: ServedFolder) -> None:
    rows = [LoggedRow((), "setosa", id="a"), LoggedRow((), "setosa", id="b")]
    documents = [label(iris, "a", "virginica"), label(iris, "a", "setosa"), {"ml.prediction.id": "b"}, label(iris, "z", "setosa")]
    assert [row.label for row in labelled(rows, documents, iris.profile)] == ["virginica", None]


def test_values_are_read_as_the_profile_has_them(iris: ServedFolder) -> None:
    number = iris.profile.features[0]
    yes_no = number.model_copy(update={"kind": "boolean"})
    digits = number.model_copy(update={"kind": "categorical", "categories": (1, 2)})
    words = number.model_copy(update={"kind": "categorical", "categories": ("a", "b")})
    assert [value_of(number, one) for one in ("5.1", 5, "", None, float("nan"), "wide")] == [5.1, 5.0, None, None, None, None]
    assert [value_of(yes_no, one) for one in ("True", False, 1.0, "0", "maybe")] == [True, False, True, False, None]
    assert [value_of(digits, one) for one in ("1", 2.0, 3, "2.0", "nan", "1.5", "x")] == [1, 2, "3", 2, None, "1.5", "x"]
    assert [value_of(words, one) for one in ("a", "c", None)] == ["a", "c", None]


def test_pages_follow_one_another_and_end(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 10)
    monkeypatch.setattr(reading, "IDS_AT_ONCE", 7)
    rows = (held_out * 4)[:120]
    kept = Kept(logged(iris, rows), [label(iris, f"p{at}", row.label) for at, row in enumerate(rows) if at % 2])
    found = made(kept, iris, model_folder)
    assert [row.id for row in found.compared.current] == [f"p{at}" for at in range(120)]
    assert found.quality.labelled == 60
    assert len([body for body in kept.asked if "search_after" in body]) == 12


def test_reading_ends_at_the_limit_with_the_newest_rows(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path
) -> None:
    found = made(Kept(logged(iris, (held_out * 6)[:200], size=4)), iris, model_folder, max_rows=150)
    assert len(found.compared.current) == 150
    assert found.compared.current[-1].id == "p199"
    assert any("more than 150 rows" in note and "--max-rows" in note for note in found.notes)


def test_of_several_versions_the_last_one_counts_and_it_is_said(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path
) -> None:
    older = [event(iris, held_out[:1], 900 + at, **{"ml.model.version": "older"}) for at in range(3)]
    found = made(Kept([*older, *logged(iris, held_out)]), iris, model_folder)
    assert len(found.compared.current) == len(held_out)
    assert any("Several versions" in note and "older (3 requests)" in note for note in found.notes)


def test_rows_that_were_left_out_of_the_log_are_told(iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path) -> None:
    cut = event(iris, held_out[:30], 0)
    kept = json.dumps(json.loads(cut["ml.prediction.features"])[:25])
    cut |= {"ml.prediction.features": kept, "ml.prediction.features_omitted": 5}
    found = made(Kept([cut]), iris, model_folder)
    assert len(found.compared.current) == 25
    assert any("5 rows of large requests were answered without being logged" in note for note in found.notes)
    for strange in (-1, 4, 31, "many"):
        read = rows_of_predictions([{**cut, "ml.prediction.features_omitted": strange}], iris.profile)
        assert (read.rows, read.omitted, read.unreadable) == ([], 0, 1)
