"""Which JSON values a request may give for a feature: the one description that both the reader and the schema are made from."""

from __future__ import annotations

from dataclasses import dataclass

from vitals.bundle.bins import LARGEST
from vitals.bundle.schema import Category, Feature
from vitals.bundle.whole_numbers import whole_range

LONGEST_CATEGORY = 200
"""Characters of a category that the model has not seen; what goes on to logs is bounded by it."""

INT64 = (-(2**63), 2**63 - 1)
"""The smallest and the largest category that is a whole number, of those that the model has not seen."""


@dataclass(frozen=True)
class Numbers:
    """Numbers from `low` to `high`; without fractions where `whole`.

    exact: the range of the column's integer type, in which a whole number stays one; None for a column of fractions.
    """

    low: float
    high: float
    whole: bool
    exact: tuple[int, int] | None


@dataclass(frozen=True)
class TruthValues:
    """true and false."""


@dataclass(frozen=True)
class Categories:
    """The `known` ones, and `others` of the same types where the model answers them."""

    known: tuple[Category, ...]
    others: bool

    @property
    def types(self) -> frozenset[type]:
        """`str`, `int`, or both."""
        return frozenset(map(type, self.known)) or frozenset({str})


def values_of(feature: Feature) -> Numbers | TruthValues | Categories:
    """What the feature takes, null aside, which `feature.missing_allowed` decides."""
    if feature.kind == "boolean":
        return TruthValues()
    if feature.kind == "categorical":
        return Categories(feature.categories, feature.unseen_allowed)
    exact = whole_range(feature)
    if feature.whole and exact:
        return Numbers(*exact, whole=True, exact=exact)
    return Numbers(-LARGEST, LARGEST, whole=False, exact=exact)
