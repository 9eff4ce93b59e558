"""Models of free text: which columns of an estimator's input a vectorizer of scikit-learn takes apart into words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitals.errors import ModelMismatch
from vitals.estimators.estimator_walk import parts

_TODO = (
    "no distribution of texts can be compared with the requests', so such a model is not served. "
    "Fit a model on features that are made of the text (its length, its topic, a score), and serve that"
)


def text_columns(estimator: Any) -> dict[Any, str]:
    """The columns (names, or numbers) that a vectorizer reads, each with the vectorizer's name; empty where none does."""
    found: dict[Any, str] = {}
    for _, part in parts(estimator):
        for entry in _transformers(part):
            vectorizer = _vectorizer(entry[1])
            if vectorizer:
                columns = entry[2] if isinstance(entry[2], list) else [entry[2]]
                found.update((column, vectorizer) for column in columns if isinstance(column, str | int))
    return found


def check_no_text(estimator: Any, path: Path) -> None:
    """Raise ModelMismatch where `estimator` takes free text in any column, or in place of columns."""
    vectorizer = _vectorizer(estimator)
    if not vectorizer:
        return
    columns = [f"'{column}'" if isinstance(column, str) else f"number {column}" for column in text_columns(estimator)]
    where = f" in column {', '.join(columns)}" if columns else ""
    raise ModelMismatch(f"{path} is a text model: its {vectorizer} reads free text{where}, and {_TODO}.")


def _vectorizer(estimator: Any) -> str:
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

    kinds = (CountVectorizer, HashingVectorizer)  # TfidfVectorizer is a CountVectorizer
    return next((type(part).__name__ for _, part in parts(estimator) if isinstance(part, kinds)), "")


def _transformers(part: Any) -> list[Any]:
    """Of a ColumnTransformer: (name, transformer, columns)."""
    entries = getattr(part, "transformers_", None) if hasattr(part, "remainder") else None
    return [entry for entry in entries or [] if isinstance(entry, tuple) and len(entry) == 3]
