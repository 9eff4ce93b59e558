"""Which bin a value falls into: the same answer when a profile is made and when a request is counted."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable

from vitals.profile.document import ABOVE, BELOW, MISSING, OTHER, UNSEEN, Binned, Feature

Value = float | int | bool | str | None

LARGEST = 1e30
"""The largest magnitude of a number in requests and reference data: scaled and weighted it still fits into 32 bits (3.4e38)."""


def bin_of(feature: Feature) -> Callable[[Value], int]:
    """A function that gives the index in `feature.bins` of the bin that a value falls into; it never raises for a valid value."""
    names = {one.name: index for index, one in enumerate(feature.bins)}
    missing = names[MISSING]
    if feature.kind == "numeric":
        number = bin_of_number(feature)

        def numeric(value: Value) -> int:
            return missing if value is None or value != value else number(value)  # type: ignore[arg-type]

        return numeric
    if feature.kind == "boolean":
        no, yes = names["false"], names["true"]

        def boolean(value: Value) -> int:
            return missing if value is None else (yes if value else no)

        return boolean
    unseen = names[UNSEEN]
    known = {category: names.get(str(category), names.get(OTHER, unseen)) for category in feature.categories}

    def categorical(value: Value) -> int:
        return missing if value is None else known.get(value, unseen)  # type: ignore[arg-type]

    return categorical


def bin_of_number(binned: Binned) -> Callable[[float], int]:
    """For a number: bins are closed on the left, the last one on both sides; outside are BELOW and ABOVE.

    `binned.bins` begins with BELOW, then one bin for each pair of neighbouring edges, then ABOVE; more may follow.
    """
    edges = binned.edges
    last = len(edges) - 1
    low, high = edges[0], edges[-1]
    assert binned.bins[0].name == BELOW  # noqa: S101 - the making of profiles keeps this order
    assert binned.bins[last + 1].name == ABOVE  # noqa: S101

    def number(value: float) -> int:
        if low <= value < high:
            return bisect_right(edges, value)
        if value == high:
            return last
        return 0 if value < low or math.isnan(value) else last + 1

    return number
