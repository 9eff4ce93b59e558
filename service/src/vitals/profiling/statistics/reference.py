"""How the reference data look: bins with their shares, mean, variance, range, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.bins import bin_among, number_bin_among
from vitals.bundle.schema import ABOVE, BELOW, BETWEEN, MISSING, MOST_CATEGORIES, OTHER, UNSEEN, Bin, Binned, Feature
from vitals.profiling.reading.columns import Column
from vitals.profiling.statistics.bin_edges import Cut, cut
from vitals.profiling.statistics.psi_null_distribution import psi_null


def feature_of(column: Column, watched: int, *, drift: bool = True) -> Feature:
    """The profile of one feature; what it says of missing and unseen values, the model has yet to be asked.

    watched: features whose drift is watched, of which in a window without drift hardly any may be called drifted.
    drift: whether it is one of them.
    """
    rows = len(column.values)
    limits: dict[str, Any] = {}
    categories: tuple[Any, ...] = ()
    if column.kind == "numeric":
        found = cut(np.array(column.present, dtype=np.float64), rows, half=column.dtype == "float16")
        limits = {"edges": found.edges, "discrete": found.discrete}
        names = [*_numeric_bins(found), (MISSING, MISSING)]
    elif column.kind == "boolean":
        names = [(name, name) for name in ("false", "true", MISSING)]
    else:
        categories = tuple(category for category, _ in _most_frequent(column.present))
        shown = [str(category) for category in categories[:MOST_CATEGORIES]]
        rest = [OTHER] if len(categories) > MOST_CATEGORIES else []
        names = [(name, name) for name in [*shown, *rest, UNSEEN, MISSING]]
    facts: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "drift": drift,
        "categories": categories,
        "missing_allowed": False,
        "missing_share": 1 - len(column.present) / rows,
        "example": _example(column),
        **limits,
        **_moments(column),
    }
    # The bins' shares are counted by the function that counts requests.
    which = bin_among([name for name, _ in names], column.kind, **limits, categories=categories)
    counts = Counter(which(value) for value in column.values)
    bins = _bins(names, [counts[index] / rows for index in range(len(names))])
    return Feature(**facts, bins=bins, psi_null=_null(bins, rows, watched))


def constant_in_reference(feature: Feature) -> bool:
    """Whether the reference has one value of it only, gaps aside."""
    held = [one for one in feature.bins if one.share > 0 and one.name != MISSING]
    return len(held) == 1 and held[0].name != OTHER and (feature.kind != "numeric" or feature.discrete)


def class_bins(predicted: Sequence[str], classes: Sequence[str], rows: int) -> Binned:
    """The predicted classes of the reference: one bin a class, the 20 most frequent of more."""
    counts = Counter(predicted)
    shown = list(classes)
    if len(shown) > MOST_CATEGORIES:
        frequent = {name for name, _ in sorted(counts.items(), key=lambda one: -one[1])[:MOST_CATEGORIES]}
        spare = [name for name in shown if name not in frequent][: MOST_CATEGORIES - len(frequent)]
        shown = [name for name in shown if name in frequent or name in spare]
    shares = [counts[name] / len(predicted) for name in shown]
    names = [(name, name) for name in shown]
    if len(shown) < len(classes):
        names.append((OTHER, OTHER))
        shares.append(sum(counts[name] for name in counts if name not in set(shown)) / len(predicted))
    bins = _bins(names, shares)
    return Binned(bins=bins, psi_null=_null(bins, rows, 1, len(predicted)))


def value_bins(values: NDArray[np.float64], rows: int) -> Binned:
    """The predicted values of the reference: quantile bins, with one below and one above.

    No value is beyond these: what a model answers alone and in a batch may differ in the last digits.
    """
    found = cut(values, len(values), may_be_discrete=False)
    edges, names = found.edges, _quantile_bins(len(found.edges) - 1)
    which = number_bin_among([name for name, _ in names], edges)
    counts = Counter(which(float(value)) for value in values)
    bins = _bins(names, [counts[index] / len(values) for index in range(len(names))])
    return Binned(edges=edges, bins=bins, psi_null=_null(bins, rows, 1, len(values)))


def _numeric_bins(found: Cut) -> list[tuple[str, str]]:
    """Names, each with the bin it is compared in.

    Beyond a bin of one value nothing is like it: a 1 among zeros is not zero, nor is -1.
    """
    if found.discrete:
        names = _quantile_bins(len(found.edges) // 2)
        return [(BELOW, OTHER), *names[1:-1], (ABOVE, OTHER), (BETWEEN, OTHER)]
    (below, first), *inner, (above, last) = _quantile_bins(len(found.edges) - 1)
    return [(below, OTHER if found.point_below else first), *inner, (above, OTHER if found.point_above else last)]


def _quantile_bins(bins: int) -> list[tuple[str, str]]:
    inner = [f"{number:02}" for number in range(1, bins + 1)]
    return [(BELOW, inner[0]), *((name, name) for name in inner), (ABOVE, inner[-1])]


def _bins(names: Sequence[tuple[str, str]], shares: Sequence[float]) -> tuple[Bin, ...]:
    return tuple(Bin(name=name, drift=drift, share=share) for (name, drift), share in zip(names, shares, strict=True))


def _null(bins: Sequence[Bin], rows: int, features: int, drawn: int | None = None) -> float:
    shares: dict[str, float] = {}
    for one in bins:
        shares[one.drift] = shares.get(one.drift, 0.0) + one.share
    return psi_null(list(shares.values()), rows=rows, features=features, drawn=drawn)


def _most_frequent(values: Sequence[Any]) -> list[tuple[Any, int]]:
    """Values with their counts, the most frequent first, equally frequent ones in their own order."""
    return sorted(Counter(values).items(), key=lambda one: (-one[1], one[0]))


def _moments(column: Column) -> dict[str, Any]:
    if column.kind == "categorical":
        return {}
    numbers = np.array(column.present, dtype=np.float64)
    moments: dict[str, Any] = {"mean": float(numbers.mean())}
    if len(numbers) > 1:
        moments["variance"] = float(numbers.var(ddof=1))
    if column.kind == "numeric":
        moments |= {
            "minimum": float(numbers.min()),
            "maximum": float(numbers.max()),
            "integer": bool((numbers == np.floor(numbers)).all()),
        }
    return moments


def _example(column: Column) -> Any:
    """The middle value, or the most frequent one."""
    if column.kind != "numeric":
        return _most_frequent(column.present)[0][0]
    return float(np.quantile(np.array(column.present, dtype=np.float64), 0.5, method="inverted_cdf"))
