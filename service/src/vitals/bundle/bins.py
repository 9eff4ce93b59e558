"""Which bin a value falls into: the same answer when a profile is made and when a request is counted."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from vitals.bundle.schema import ABOVE, BELOW, BETWEEN, MISSING, OTHER, UNSEEN, Binned, Category, Feature, Kind

Value = float | int | bool | str | None

LARGEST = 1e30
"""The largest magnitude of a number in requests and reference data: scaled and weighted it still fits into 32 bits (3.4e38)."""


def bin_of(feature: Feature) -> Callable[[Value], int]:
    """A function that gives the index in `feature.bins` of the bin that a value falls into; it never raises for a valid value."""
    names = [one.name for one in feature.bins]
    return bin_among(names, feature.kind, edges=feature.edges, discrete=feature.discrete, categories=feature.categories)


def bin_among(
    names: Sequence[str],
    kind: Kind,
    *,
    edges: Sequence[float] = (),
    discrete: bool = False,
    categories: Sequence[Category] = (),
) -> Callable[[Value], int]:
    """The same for bins of these names, in their order: what a feature's bins are before their shares are known."""
    places = {name: index for index, name in enumerate(names)}
    missing = places[MISSING]
    if kind == "numeric":
        cuts, inside = _cuts_and_places(names, edges, discrete=discrete)

        def numeric(value: Value) -> int:
            return missing if value is None or value != value else inside[bisect_right(cuts, value)]

        return numeric
    if kind == "boolean":
        no, yes = places["false"], places["true"]

        def boolean(value: Value) -> int:
            return missing if value is None else (yes if value else no)

        return boolean
    unseen = places[UNSEEN]
    known = {category: places.get(str(category), places.get(OTHER, unseen)) for category in categories}

    def categorical(value: Value) -> int:
        return missing if value is None else known.get(value, unseen)  # type: ignore[arg-type]

    return categorical


def bin_of_number(binned: Binned) -> Callable[[float], int]:
    """For a number that is not NaN: bins are closed on the left, the last one on both sides; outside are BELOW and ABOVE.

    `binned.bins` begins with BELOW, then one bin for each pair of neighbouring edges, then ABOVE; more may follow. Where it is
    discrete, one bin for each two edges, and BETWEEN follows ABOVE.
    """
    return number_bin_among([one.name for one in binned.bins], binned.edges, discrete=binned.discrete)


def number_bin_among(names: Sequence[str], edges: Sequence[float], *, discrete: bool = False) -> Callable[[float], int]:
    """The same for bins of these names, in their order."""
    cuts, places = _cuts_and_places(names, edges, discrete=discrete)

    def number(value: float) -> int:
        return places[bisect_right(cuts, value)]

    return number


def _cuts_and_places(names: Sequence[str], edges: Sequence[float], *, discrete: bool) -> tuple[tuple[float, ...], Sequence[int]]:
    """Where another bin begins, and the bin from there on, by how many of these are not above a value."""
    inner = len(edges) // 2 if discrete else len(edges) - 1
    assert names[0] == BELOW  # noqa: S101 - the making of profiles keeps this order
    assert names[inner + 1] == ABOVE  # noqa: S101
    # The last bin has its upper edge.
    cuts = (*edges[:-1], math.nextafter(edges[-1], math.inf))
    if not discrete:
        return cuts, list(range(inner + 2))
    between = inner + 2
    assert names[between] == BETWEEN  # noqa: S101
    places = [0, *(place for number in range(1, inner + 1) for place in (number, between))]
    places[-1] = inner + 1
    return cuts, places
