"""What a model knows of one column."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """What the model knows of a column.

    `categories`: as the encoder has them, in its order, plain Python values without gaps; None where it does not say.
    `dtype`: what the column is in the DataFrame ("object" for text, "int64", "float64", "bool", "category"); None: unknown.
    `gap`: how a gap was written in what it learned from; None: unknown.
    `ordered`: a `category` dtype whose categories have an order.
    `refuses_unknown`: it raises for a category that is not among `categories`.
    `takes_categories`: the column is one of categories for it, whether it says which or not.
    `also_number`: another step takes the same column as numbers.
    `free_text`: the column is cut into words.
    """

    categories: tuple[Any, ...] | None = None
    dtype: str | None = None
    gap: Literal["nan", "none"] | None = None
    ordered: bool = False
    refuses_unknown: bool = False
    takes_categories: bool = False
    also_number: bool = False
    free_text: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the column has to be read as text: every category is text, or the model takes text and does not say which."""
        if self.categories is None:
            return self.dtype == "object"
        return bool(self.categories) and all(isinstance(one, str) for one in self.categories or ())

    @property
    def is_whole(self) -> bool:
        """Whether every category is a whole number (true and false are none)."""
        return bool(self.categories) and all(
            isinstance(one, int | float) and not isinstance(one, bool) and float(one).is_integer()
            for one in self.categories or ()
        )


def plain_categories(values: NDArray[Any], *, refuses_unknown: bool = False, dtype: str | None = None) -> KnownColumn:
    """From an encoder's array of categories; `dtype` where it is another than the categories' own."""
    gap: Literal["nan", "none"] | None = None
    kept = []
    for value in values.tolist():
        if value is None:
            gap = "none"
        elif value != value:
            gap = gap or "nan"
        else:
            kept.append(value)
    plain = all(isinstance(one, str) for one in kept) or all(isinstance(one, bool) for one in kept)
    own = str(values.dtype) if values.dtype.kind not in "OU" else "object" if plain else None
    return KnownColumn(tuple(kept), dtype or own, gap, refuses_unknown=refuses_unknown, takes_categories=True)


def merged(found: Sequence[KnownColumn]) -> KnownColumn:
    """Of several steps that know a column: the categories of all, in the first one's order; nothing where they disagree."""
    first = found[0]
    if len({(one.dtype, one.is_text, one.free_text) for one in found}) > 1:
        said = {one.dtype for one in found}
        return KnownColumn(dtype="category" if "category" in said else None, takes_categories=True)
    categories = None
    if all(one.categories is not None for one in found):
        categories = tuple(dict.fromkeys(value for one in found for value in one.categories or ()))
    return dataclasses.replace(
        first,
        categories=categories,
        gap=next((one.gap for one in found if one.gap is not None), None),
        refuses_unknown=any(one.refuses_unknown for one in found),
        takes_categories=any(one.takes_categories for one in found),
    )
