"""The report's page: nothing is loaded, figures are in it or a sentence says why not, and requests' text stays text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vitals.bundle.folder import ServedFolder, read_folder
from vitals.errors import ReportError
from vitals.profiling.examples import train_example
from vitals.report.reference import read_rows
from vitals.report.rows import LoggedRow

from .logged_double import Kept, label, logged
from .made_reports import held_out, iris, made

pytestmark = pytest.mark.slow

__all__ = ["held_out", "iris"]

SCRIPT = "</script><script>alert(1)</script>"


def test_a_category_that_is_a_script_does_not_run(tmp_path: Path) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    train_example(tmp_path / "penguins", "penguins")
    served = read_folder(tmp_path / "penguins")
    island = [feature.name for feature in served.profile.features].index("island")
    known = read_rows(tmp_path / "penguins" / "held_out.csv", served.profile)
    rows = [LoggedRow((*row.values[:island], SCRIPT, *row.values[island + 1 :]), label=row.label) for row in known * 2]
    kept = Kept(logged(served, rows), [label(served, f"p{at}", row.label) for at, row in enumerate(rows)])
    found = made(kept, served, tmp_path / "penguins")
    Page(served.profile).write(tmp_path / "report.html", found.compared, found.features, found.prediction)
    page = (tmp_path / "report.html").read_text()
    assert "alert(1)" in page
    assert SCRIPT not in page
    assert "<script>alert" not in page


def test_the_page_loads_nothing_and_says_what_the_figures_say(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    rows = [LoggedRow((9.0, *row.values[1:3], None), label=row.label) for row in held_out * 4]
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


def test_without_evidently_it_says_what_to_install(iris: ServedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from vitals.report import evidently_page

    monkeypatch.setattr(evidently_page, "find_spec", lambda _: None)
    with pytest.raises(ReportError, match=r"install vitals-otel\[report\], or use --json"):
        evidently_page.Page(iris.profile)


def test_quality_that_evidently_cannot_compute_is_left_out_with_a_sentence(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    found = made(Kept(logged(iris, held_out * 3)), iris, model_folder)
    [left_out] = Page(iris.profile).write(tmp_path / "report.html", found.compared, found.features, found.prediction)
    assert "Quality is not in the page" in left_out
