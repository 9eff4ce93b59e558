"""Categories of the data that the model's encoder does not know: it was fitted on others, or another reader read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from vitals.bundle.bins import Value
from vitals.bundle.classes import class_name

READ_AS_MISSING = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN"}
    | {"None", "n/a", "nan", "null"}
)
"""Texts that pandas' `read_csv` takes for missing unless it is told otherwise (its documentation of `na_values`)."""

_SHOWN = 5


def unknown_categories(name: str, values: Sequence[Value], known: Iterable[object]) -> str | None:
    """A sentence on the `values` of the column `name` that are none of the encoder's `known` ones, with their counts.

    Missing values (None) are left out. None where all are known.
    """
    categories = set(known)
    counts = Counter(value for value in values if value is not None and value not in categories)
    if not counts:
        return None
    often = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
    listed = ", ".join(f"{value!r} ({count})" for value, count in often[:_SHOWN])
    more = f" and {len(often) - _SHOWN} more" if len(often) > _SHOWN else ""
    told = (
        f"Column '{name}': {sum(counts.values())} of {len(values)} rows have a category that the model's encoder does not know: "
        f"{listed}{more}."
    )
    spelled = {class_name(one) for one in categories if one is not None and one == one}  # NaN is not itself
    if any(isinstance(value, str) and value in READ_AS_MISSING for value in counts):
        told += " Plain pandas.read_csv takes such a text for a missing value, as it may have done when the model was fitted."
    elif all(class_name(value) in spelled for value in counts):
        kinds = sorted({type(one).__name__ for one in categories})
        told += f" It knows them as another type ({', '.join(kinds)}): text and numbers are not the same."
    return told
