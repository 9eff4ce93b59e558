"""How the reference data look: bins with their shares, mean, variance, range, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.making.data import Column
from vitals.making.null import psi_null
from vitals.profile.bins import bin_of, bin_of_number
from vitals.profile.document import ABOVE, BELOW, MISSING, MOST_CATEGORIES, OTHER, UNSEEN, Bin, Binned, Feature

MOST_BINS, ROWS_PER_BIN = 10, 20


def feature_of(column: Column, features: int) -> Feature:
    """The profile of one feature out of `features`; what it says of missing and unseen values, the model has yet to be asked."""
    rows = len(column.values)
    edges: tuple[float, ...] = ()
    categories: tuple[Any, ...] = ()
    if column.kind == "numeric":
        edges = quantile_edges(np.array(column.present, dtype=np.float64), rows)
        names = [*_quantile_bins(edges), (MISSING, MISSING)]
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
        "edges": edges,
        "categories": categories,
        "missing_allowed": False,
        "missing_share": 1 - len(column.present) / rows,
        "example": _example(column),
        **_moments(column),
    }
    # The bins' shares are counted by the function that counts requests.
    unshared = Feature.model_construct(**facts, bins=_bins(names, [0.0] * len(names)))
    which = bin_of(unshared)
    counts = Counter(which(value) for value in column.values)
    bins = _bins(names, [counts[index] / rows for index in range(len(names))])
    return Feature(**facts, bins=bins, psi_null=_null(bins, rows, features))


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
    """The predicted values of the reference: quantile bins, with one below and one above."""
    edges = quantile_edges(values, len(values))
    names = _quantile_bins(edges)
    which = bin_of_number(Binned.model_construct(edges=edges, bins=_bins(names, [0.0] * len(names)), psi_null=1.0))
    counts = Counter(which(float(value)) for value in values)
    bins = _bins(names, [counts[index] / len(values) for index in range(len(names))])
    return Binned(edges=edges, bins=bins, psi_null=_null(bins, rows, 1, len(values)))


def quantile_edges(values: NDArray[np.float64], rows: int) -> tuple[float, ...]:
    """Limits of bins with about equally many values: as many bins as `rows` bear, at most ten.

    Each limit but the last is a value that occurs, so no bin is empty. A value that fills a bin by itself has one by itself:
    otherwise zeros and the rest, or two values, would share one, and no drift between them would be seen.
    """
    wanted = max(2, min(MOST_BINS, rows // ROWS_PER_BIN))
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= wanted:
        lower = set(different.tolist())
    else:
        quantiles = np.quantile(values, np.arange(wanted) / wanted, method="inverted_cdf")
        heavy = np.flatnonzero(counts[:-1] * wanted >= len(values))
        lower = {float(different[0]), *quantiles.tolist(), *different[heavy].tolist(), *different[heavy + 1].tolist()}
    highest = float(different[-1])
    end = float(np.nextafter(highest, np.inf)) if highest in lower else highest
    return (*sorted(lower), end)


def _quantile_bins(edges: Sequence[float]) -> list[tuple[str, str]]:
    inner = [f"{number:02}" for number in range(1, len(edges))]
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
