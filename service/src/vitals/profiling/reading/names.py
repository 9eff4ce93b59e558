"""Names of features, classes and categories: one rule for all of them, since each becomes an attribute of a signal.

They stand in Prometheus's labels, in Elasticsearch's documents, in log lines and in tables of dashboards.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from vitals.bundle.classes import class_name
from vitals.bundle.schema import ABOVE, BELOW, LONGEST_NAME, MISSING, OTHER, UNSEEN
from vitals.errors import DataError

_LINES_AND_CONTROLS = ("Cc", "Zl", "Zp")
_HALF = "Cs"
_SHOWN = 60

_RESERVED_FOR_BINS = (BELOW, ABOVE, MISSING, OTHER, UNSEEN)
_RESERVED = f"the names {', '.join(_RESERVED_FOR_BINS)} are for what is no category (a gap is an empty cell)"
_RESERVED_FOR_REFUSALS = ("(body)", "(unknown)")
"""What refusals are counted under beside the features' own names (vitals.monitoring.validation)."""


def check_features(names: Sequence[str]) -> None:
    """Raise DataError where a feature's name can't be one, or two are the same."""
    for name in names:
        wrong = _wrong_with(name)
        if wrong or name in _RESERVED_FOR_REFUSALS:
            raise DataError(
                f"The feature {shown(name)} can't be served: {wrong or 'refusals are counted under that name'}. Rename it."
            )
    _once(names, "features")


def check_classes(classes: Sequence[str], target: str) -> None:
    """Raise DataError where a class's name can't be one, or two are the same once they are text."""
    for name in classes:
        wrong = _wrong_with(name)
        if wrong is None and name in _RESERVED_FOR_BINS:
            wrong = _RESERVED
        if wrong:
            raise DataError(
                f"The class {shown(name)} of '{target}' can't be served: {wrong}. Rename it, and fit the model again."
            )
    _once(classes, f"classes of '{target}'")


def check_categories(column: str, categories: Iterable[Any]) -> None:
    """Raise DataError where a category of `column`, text or a whole number, can't be one."""
    for category in categories:
        if not isinstance(category, str):
            continue
        wrong = _wrong_with(category)
        if wrong is None and category in _RESERVED_FOR_BINS:
            wrong = _RESERVED
        if wrong:
            raise DataError(f"Column '{column}' has the category {shown(category)}, which can't be one: {wrong}.")


def with_text_names(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with text for the columns' names, as requests have them; numbers become their digits.

    Raises DataError where two names are the same then.
    """
    names = [name if isinstance(name, str) else class_name(name) for name in table.columns]
    _once(names, "columns")
    if names == list(table.columns):
        return table
    renamed = table.copy(deep=False)
    renamed.columns = pd.Index(names, dtype=object)
    return renamed


def shown(name: str) -> str:
    """`name` in quotes for a sentence: shortened, on one line, with escapes for what can't be seen."""
    cut = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    seen = (
        one.encode("unicode_escape").decode() if unicodedata.category(one) in (*_LINES_AND_CONTROLS, _HALF) else one
        for one in cut
    )
    return f"'{''.join(seen)}'"


def _wrong_with(name: str) -> str | None:
    if not name:
        return "a name has one character or more"
    if len(name) > LONGEST_NAME:
        return f"it has {len(name)} characters, and a name has {LONGEST_NAME} at most"
    kinds = {unicodedata.category(one) for one in name}
    if kinds & set(_LINES_AND_CONTROLS):
        return "a name has no line breaks, tabs or other control characters"
    return "it has half of a surrogate pair, which no text has" if _HALF in kinds else None


def _once(names: Iterable[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"Two {what} have the same name {shown(twice[0])} once they are text: rename one of them.")
