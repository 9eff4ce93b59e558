"""Reports made of an hour of logged events, and what most of them are about: the iris model and its held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vitals.bundle.folder import ServedFolder, read_folder
from vitals.host.progress import Silent
from vitals.model.served import load_model
from vitals.report.making import Made, Wanted, make
from vitals.report.period import Period
from vitals.report.reference import read_rows
from vitals.report.rows import LoggedRow

from .logged_double import Kept

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
HOUR = Period(NOW - timedelta(hours=1), NOW)


@pytest.fixture(scope="session")
def iris(model_folder: Path) -> ServedFolder:
    return read_folder(model_folder)


@pytest.fixture(scope="session")
def held_out(model_folder: Path, iris: ServedFolder) -> list[LoggedRow]:
    return read_rows(model_folder / "held_out.csv", iris.profile)


def made(kept: Kept, folder: ServedFolder, path: Path, **more: Any) -> Made:
    def answer(rows: Sequence[Sequence[Any]]) -> list[str | float]:
        return [outcome.predicted for outcome in load_model(path).predict(rows)]

    answering = more.pop("answer", answer)
    wanted = Wanted(folder, path, HOUR, **{"version": None, "reference": None, "max_rows": 10_000, **more})
    return make(kept, wanted, answering, Silent())  # type: ignore[arg-type]
