"""`vitals report` on predictions and labels that a real service logged into the real Elasticsearch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from vitals.bundle.folder import read_folder
from vitals.report.reference import read_rows
from vitals.report.rows import LoggedRow

from .conftest import AnotherService, Stack, eventually

pytestmark = pytest.mark.slow

SHIFT = 30.0
"""Added to one feature: far out of the reference's range."""


@pytest.fixture(scope="module")
def folder(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("penguins")
    trained = stack.vitals("train-example", "penguins", "--out", str(path))
    assert trained.returncode == 0, trained.stderr
    return path


@pytest.fixture(scope="module")
def service(stack: Stack, folder: Path) -> Iterator[AnotherService]:
    with stack.another_service("report", MODEL_DIR=str(folder), LOG_FEATURES="true") as service:
        yield service


@pytest.fixture(scope="module")
def asked(stack: Stack, folder: Path, service: AnotherService) -> list[LoggedRow]:
    """Rows that were asked for, some alone and some together, half of them with a label; all searchable."""
    profile = read_folder(folder).profile
    names = [feature.name for feature in profile.features]
    shifted = next(index for index, feature in enumerate(profile.features) if feature.kind == "numeric")

    def moved(row: LoggedRow) -> dict[str, Any]:
        values = dict(zip(names, row.values, strict=True))
        value = values[names[shifted]]
        return values if value is None else {**values, names[shifted]: value + SHIFT}

    rows = read_rows(folder / "held_out.csv", profile) * 2
    ids: list[str] = []
    with httpx.Client(base_url=service.url, timeout=30) as client:
        for row in rows[:20]:
            ids.append(client.post("/predict", json={"features": moved(row)}).raise_for_status().json()["prediction_id"])
        for first in range(20, len(rows), 50):
            several = [moved(row) for row in rows[first : first + 50]]
            answers = client.post("/predict", json={"instances": several}).raise_for_status().json()["predictions"]
            ids += [answer["prediction_id"] for answer in answers]
        labels = [{"prediction_id": one, "label": row.label} for one, row in list(zip(ids, rows, strict=True))[::2]]
        for first in range(0, len(labels), 50):
            client.post("/labels", json={"labels": labels[first : first + 50]}).raise_for_status()

    def stored() -> tuple[int, int]:
        found = stack.documents("logs-*", {"term": {"resource.attributes.service.name": "report"}})
        kinds = [document.get("event_name") for document in found]
        return kinds.count("ml.prediction"), kinds.count("ml.label")

    requests = 20 + -(-(len(rows) - 20) // 50)
    eventually(stored, lambda found: found == (requests, len(labels)), why="every event is searchable")
    return rows


def report(stack: Stack, folder: Path, *words: str) -> Any:
    stack.environment["MODEL_DIR"] = str(folder)
    try:
        return stack.vitals("report", *words)
    finally:
        del stack.environment["MODEL_DIR"]


def test_a_report_of_what_was_logged(stack: Stack, folder: Path, asked: list[LoggedRow], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    answer = report(stack, folder, "--since", "10m", "--json", "-o", str(page))
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["rows"] == len(asked)
    assert told["reference"]["what"].endswith("held-out rows (held_out.csv)")
    [shifted, *others] = sorted(told["features"], key=lambda one: -one["psi"])
    assert shifted["drifted"]
    assert not any(one["drifted"] for one in others)
    assert told["quality"]["labelled"] == len(asked) // 2
    assert 0 <= told["quality"]["accuracy"] <= 1
    assert told["reference_quality"]["accuracy"] > 0.9
    text = page.read_text()
    assert re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=", text) == []
    assert shifted["name"] in text


def test_figures_for_people_and_no_more_rows_than_wanted(
    stack: Stack, folder: Path, asked: list[LoggedRow], tmp_path: Path
) -> None:
    answer = report(stack, folder, "--since", "10m", "--max-rows", "150", "-o", str(tmp_path / "r.html"))
    assert answer.returncode == 0, answer.stderr
    for expected in ("150 rows", "drifted", "PSI", "accuracy", "--max-rows", "Written to"):
        assert expected in answer.stdout
    assert "reading what was logged" in answer.stderr


def test_what_cannot_be_reported_is_a_sentence(stack: Stack, folder: Path, asked: list[LoggedRow]) -> None:
    for words, sentence in (
        (("--since", "2020-01-01", "--until", "2020-01-02"), "No prediction of the model penguins was logged"),
        (("--model-version", "000000000000"), "version 000000000000 was logged"),
        (("--since", "soon"), "--since is wrong"),
    ):
        answer = report(stack, folder, "--json", *words)
        assert answer.returncode == 2, answer.stdout
        assert sentence in answer.stderr
        assert "Traceback" not in answer.stderr


def test_without_logged_features_it_says_how_to_log_them(stack: Stack, tmp_path: Path) -> None:
    trained = stack.vitals("train-example", "breast-cancer", "--out", str(tmp_path))
    assert trained.returncode == 0, trained.stderr
    profile = read_folder(tmp_path).profile
    row = {feature.name: feature.example for feature in profile.features}
    with stack.another_service("report-off", MODEL_DIR=str(tmp_path)) as service:
        httpx.post(f"{service.url}/predict", json={"features": row}, timeout=30).raise_for_status()
        answer = eventually(
            lambda: report(stack, tmp_path, "--json"),
            lambda answer: "No prediction" not in answer.stderr,
            why="the prediction is searchable",
        )
    assert answer.returncode == 2
    assert "set LOG_FEATURES=true" in answer.stderr


def test_elasticsearch_away_is_a_sentence(stack: Stack, folder: Path) -> None:
    before = stack.environment["ELASTICSEARCH_PORT"]
    stack.environment["ELASTICSEARCH_PORT"] = "19999"
    try:
        answer = report(stack, folder, "--json")
    finally:
        stack.environment["ELASTICSEARCH_PORT"] = before
    assert answer.returncode == 2
    assert "does not answer" in answer.stderr
