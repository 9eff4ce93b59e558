"""Data of every kind, and models fitted on them, for the tests of making served folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops.io import dump

from vitals.model.served import ServedModel
from vitals.profiling.bundle import Card, Made, Reference, make_folder

CARD = Card("mixed")


def mixed(rows: int = 240, gap: Any = np.nan) -> pd.DataFrame:
    """Numbers with gaps, texts with gaps (as `gap`), whole numbers that are categories, true and false."""
    random = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "age": np.where(random.random(rows) < 0.1, np.nan, random.normal(50, 10, rows)),
            "city": pd.Series(random.choice(["Bern", "Oslo", "Rome"], rows), dtype=object),
            "code": random.integers(1, 4, rows),
            "member": random.random(rows) < 0.4,
        }
    )
    table.loc[random.random(rows) < 0.1, "city"] = gap
    table["city"] = table.city.where(table.city.notna(), gap).astype(object)
    table["bought"] = np.where(table.member ^ (table.code == 2) ^ (random.random(rows) < 0.1), "yes", "no")
    return table


def pipeline_of(table: pd.DataFrame, final: Any, *, unknown: str = "ignore") -> Any:
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown=unknown)), ["city"]),
        (OneHotEncoder(handle_unknown=unknown), ["code"]),
        remainder="passthrough",
    )
    return make_pipeline(columns, final).fit(table.drop(columns="bought"), table.bought)


def rows_of(table: pd.DataFrame, served: ServedModel) -> list[list[Any]]:
    """As requests have them."""
    columns = table[[feature.name for feature in served.profile.features]].astype(object)
    return [[None if pd.isna(value) else value for value in row] for row in columns.to_numpy().tolist()]


def made_in(
    tmp_path: Path, model: Any, reference: Reference, write: Callable[[Any, Path], Any] = dump, suffix: str = ".skops"
) -> Made:
    artefact = tmp_path / f"fitted{suffix}"
    write(model, artefact)
    return make_folder(artefact, reference, CARD, tmp_path / "served")
