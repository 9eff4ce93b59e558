"""The README: short enough for a minute, its figures are those of docs/performance.md, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vitals.checkout import ROOT

MOST_LINES = 150
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _performance() -> str:
    return (ROOT / "docs/performance.md").read_text()


def _at_16_connections() -> dict[str, tuple[str, str]]:
    """Requests a second with iris, and the ratio to plain FastAPI, by variant."""
    text = _performance()
    table = text[text.index("## iris") :].split("\n\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert rows[0][5].startswith("16 connections: /s")
    return {row[0]: (row[5], row[6]) for row in rows[2:]}


def test_takes_a_minute_to_read() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


def test_has_the_figures_of_the_measurement() -> None:
    text, measured = README.read_text(), _at_16_connections()
    [row] = [line for line in text.splitlines() if line.startswith("| throughput")]
    ours, mlserver, bentoml = (cell.split()[0] for cell in row.strip("|").split("|")[1:4])
    assert [ours, mlserver, bentoml] == [measured[name][0] for name in ("ours, everything on", "MLServer", "BentoML")]
    [ratio] = re.findall(r"answers ([\d.]+) times as many", text)
    assert float(ratio) == round(float(measured["ours, everything on"][1]), 1)
    [over_onnx] = re.findall(r"and ([\d.]+) times as many as plain FastAPI with the same model in ONNX", text)
    [target] = re.findall(r"over plain FastAPI \+ the same ONNX model: 16 connections \|.*\| ([\d.]+) \|", _performance())
    assert float(over_onnx) == round(float(target), 1)


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.S)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), f"{link}: no such heading"
