"""The example model: logistic regression on scikit-learn's iris data."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io import dump

from vitals.model.facts import ARTEFACT_FILE, FACTS_FILE, Feature, ModelFacts, sha256_of

HELD_OUT_FILE = "held_out.csv"
_HELD_OUT_SHARE = 0.25
_SEED = 20


def train_example(folder: Path) -> ModelFacts:
    """Train on three quarters of the data and write artefact, facts and the held-out quarter into `folder` (made if absent)."""
    data = load_iris()
    names = [title.removesuffix(" (cm)").replace(" ", "_") for title in data.feature_names]
    labels = data.target_names[data.target]
    seen, unseen, seen_labels, unseen_labels = train_test_split(
        data.data, labels, test_size=_HELD_OUT_SHARE, random_state=_SEED, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(seen, seen_labels)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch)
        dump(model, made / ARTEFACT_FILE)
        facts = ModelFacts(
            name="iris",
            sha256=sha256_of(made / ARTEFACT_FILE),
            features=tuple(_features(names, data.feature_names, seen)),
            classes=tuple(str(name) for name in model.classes_),
            trained_at=datetime.now(UTC),
            trained_on=f"iris ({len(seen)} of {len(data.data)} rows, from scikit-learn)",
            trained_with=f"scikit-learn {sklearn.__version__}",
            quality={"accuracy": float(model.score(unseen, unseen_labels))},
        )
        (made / FACTS_FILE).write_text(facts.model_dump_json(indent=2) + "\n")
        _write_rows(made / HELD_OUT_FILE, names, unseen, unseen_labels)
        for name in (HELD_OUT_FILE, ARTEFACT_FILE, FACTS_FILE):
            (made / name).replace(folder / name)
    return facts


def _features(names: Sequence[str], titles: Sequence[str], rows: Any) -> Iterable[Feature]:
    for column, (name, title) in enumerate(zip(names, titles, strict=True)):
        values = rows[:, column]
        yield Feature(
            name=name,
            title=title,
            minimum=values.min(),
            maximum=values.max(),
            example=float(np.median(values)),
        )


def _write_rows(path: Path, names: Sequence[str], rows: Any, labels: Any) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "label"])
        writer.writerows([*row, label] for row, label in zip(rows.tolist(), labels, strict=True))
