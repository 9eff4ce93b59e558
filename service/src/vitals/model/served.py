"""A model that is loaded and ready to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitals.errors import ModelMismatch
from vitals.model.facts import ARTEFACT_FILE, ModelFacts, read_facts


@dataclass(frozen=True, slots=True)
class Outcome:
    """The model's answer for one row."""

    predicted: str
    confidence: float
    probabilities: tuple[float, ...]


class ServedModel:
    """A classifier and its facts. `predict` is called from one thread at a time."""

    def __init__(self, facts: ModelFacts, estimator: Any) -> None:
        self.facts = facts
        self._estimator = estimator

    def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
        """Classify `rows`, shape (n, features) in the order of `facts.features`; gives n outcomes in the same order.

        Raises ValueError where a probability is not finite, and whatever the estimator raises.
        """
        probabilities = self._estimator.predict_proba(np.asarray(rows, dtype=np.float64))
        if not np.isfinite(probabilities).all():
            raise ValueError("the model gave a probability that is no number")
        best = probabilities.argmax(axis=1)
        return [
            Outcome(self.facts.classes[top], float(row[top]), tuple(row.tolist()))
            for row, top in zip(probabilities, best, strict=True)
        ]


def load_model(folder: Path) -> ServedModel:
    """Load the artefact of `folder`.

    Only types that skops trusts are made, so no code from the artefact runs.
    Raises ModelMissing or ModelMismatch with a sentence.
    """
    facts = read_facts(folder)
    from skops.io import get_untrusted_types, load  # takes a second to import, and not every caller needs it

    artefact = folder / ARTEFACT_FILE
    try:
        foreign = get_untrusted_types(file=artefact)
        if foreign:
            raise ModelMismatch(
                f"{artefact} contains types that are not trusted ({', '.join(sorted(foreign)[:5])}) and is not loaded."
            )
        estimator = load(artefact, trusted=[])
    except ModelMismatch:
        raise
    except Exception as wrong:  # whatever a damaged file makes skops, zipfile or json raise
        raise ModelMismatch(f"{artefact} can't be loaded as a skops artefact ({type(wrong).__name__}: {wrong}).") from wrong
    _belongs(facts, estimator, artefact)
    return ServedModel(facts, estimator)


def _belongs(facts: ModelFacts, estimator: Any, artefact: Path) -> None:
    if not hasattr(estimator, "predict_proba"):
        raise ModelMismatch(f"{artefact} holds a {type(estimator).__name__}, which gives no probabilities.")
    columns = getattr(estimator, "n_features_in_", None)
    if columns != len(facts.features):
        raise ModelMismatch(
            f"{artefact} takes {columns} features, model.json names {len(facts.features)}: they are of two models."
        )
    classes = tuple(str(name) for name in estimator.classes_)
    if classes != facts.classes:
        raise ModelMismatch(
            f"{artefact} knows the classes {', '.join(classes)}, model.json {', '.join(facts.classes)}: they are of two models."
        )
