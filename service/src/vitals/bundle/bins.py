"""Which bin a value falls into: the same answer when a profile is made and when a request is counted."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from vitals.bundle.schema import ABOVE, BELOW, BETWEEN, MISSING, OTHER, UNSEEN, Binned, Feature

Value = float | int | bool | str | None

LARGEST = 1e30
"""The largest magnitude of a number in requests and reference data: scaled and weighted it still fits into 32 bits (3.4e38)."""


def bin_of(feature: Feature) -> Callable[[Value], int]:
    """A function that gives the index in `feature.bins` of the bin that a value falls into; it never raises for a valid value."""
    names = {one.name: index for index, one in enumerate(feature.bins)}
    missing = names[MISSING]
    if feature.kind == "numeric":
        cuts, places = _cuts_and_places(feature)

        def numeric(value: Value) -> int:
            return missing if value is None or value != value else places[bisect_right(cuts, value)]

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
    """For a number that is not NaN: bins are closed on the left, the last one on both sides; outside are BELOW and ABOVE.

    `binned.bins` begins with BELOW, then one bin for each pair of neighbouring edges, then ABOVE; more may follow. Where it is
    discrete, one bin for each two edges, and BETWEEN follows ABOVE.
    """
    cuts, places = _cuts_and_places(binned)

    def number(value: float) -> int:
        return places[bisect_right(cuts, value)]

    return number


def _cuts_and_places(binned: Binned) -> tuple[tuple[float, ...], Sequence[int]]:
    """Where another bin begins, and the bin from there on, by how many of these are not above a value."""
    edges = binned.edges
    inner = len(edges) // 2 if binned.discrete else len(edges) - 1
    assert binned.bins[0].name == BELOW  # noqa: S101 - the making of profiles keeps this order
    assert binned.bins[inner + 1].name == ABOVE  # noqa: S101
    # The last bin has its upper edge.
    cuts = (*edges[:-1], math.nextafter(edges[-1], math.inf))
    if not binned.discrete:
        return cuts, list(range(inner + 2))
    between = inner + 2
    assert binned.bins[between].name == BETWEEN  # noqa: S101
    places = [0, *(place for number in range(1, inner + 1) for place in (number, between))]
    places[-1] = inner + 1
    return cuts, places
