"""What came with requests stays text in the report's page: its script is not added to."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitals.making.examples import train_example
from vitals.profile.folder import read_folder
from vitals.report.reference import read_rows
from vitals.report.rows import Row

from .logged_double import Kept, label, logged
from .test_report import made

SCRIPT = "</script><script>alert(1)</script>"


def test_a_category_that_is_a_script_does_not_run(tmp_path: Path) -> None:
    pytest.importorskip("evidently")
    from vitals.report.evidently_page import Page

    train_example(tmp_path / "penguins", "penguins")
    served = read_folder(tmp_path / "penguins")
    island = [feature.name for feature in served.profile.features].index("island")
    known = read_rows(tmp_path / "penguins" / "held_out.csv", served.profile)
    rows = [Row((*row.values[:island], SCRIPT, *row.values[island + 1 :]), label=row.label) for row in known * 2]
    kept = Kept(logged(served, rows), [label(served, f"p{at}", row.label) for at, row in enumerate(rows)])
    found = made(kept, served, tmp_path / "penguins")
    Page(served.profile).write(tmp_path / "report.html", found.compared, found.features, found.prediction)
    page = (tmp_path / "report.html").read_text()
    assert "alert(1)" in page
    assert SCRIPT not in page
    assert "<script>alert" not in page
