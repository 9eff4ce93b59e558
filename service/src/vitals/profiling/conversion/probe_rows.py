"""Rows between and beyond the reference's values: where a converted model shows what it rounds otherwise than the original.

A decision tree splits in the middle between two neighbouring values of its training data. A row in that very middle, or beside it
in 32 bits, falls on the other side of the split as soon as one rounding differs. The reference's own rows lie far from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.bins import LARGEST
from vitals.bundle.schema import Feature
from vitals.estimators.estimator_walk import parts
from vitals.model_io.inputs import Row

_VALUES_A_FEATURE = 300
_MOST_ROWS = 6000
_SEED = 2


def probe_rows(estimator: Any, features: Sequence[Feature], rows: Sequence[Row]) -> list[Row]:
    """Rows of the reference with one number replaced: by a middle between neighbouring values, a split, or a value far outside.

    `rows` are the reference's, in the order of `features`; at most 6,000 are made, evenly over the features.
    """
    random = np.random.default_rng(_SEED)
    numeric = [index for index, feature in enumerate(features) if feature.kind == "numeric" and not feature.whole]
    made: list[Row] = []
    if not numeric or not rows:
        return made
    each = max(20, min(_VALUES_A_FEATURE, _MOST_ROWS // len(numeric)))
    splits = _splits(estimator, len(features))
    for index in numeric:
        values = np.array([row[index] for row in rows if row[index] is not None], dtype=np.float64)
        for value in _between_and_beyond(values, splits.get(index, np.empty(0)), each, random).tolist():
            base = rows[int(random.integers(len(rows)))]
            made.append([*base[:index], value, *base[index + 1 :]])
    return made[:_MOST_ROWS]


def _between_and_beyond(
    values: NDArray[np.float64], splits: NDArray[np.float64], most: int, random: np.random.Generator
) -> NDArray[np.float64]:
    different = np.unique(values)
    middles = np.concatenate([(different[:-1] + different[1:]) / 2, splits])
    if len(middles) > most // 4:
        middles = random.choice(middles, most // 4, replace=False)
    rounded = middles.astype(np.float32)
    near = [
        middles,
        np.nextafter(rounded, np.float32(-np.inf)).astype(np.float64),
        rounded.astype(np.float64),
        np.nextafter(rounded, np.float32(np.inf)).astype(np.float64),
    ]
    spread = max(float(different[-1] - different[0]), abs(float(different[-1])), 1.0)
    beyond = [different[0] - spread, different[0] - 1000 * spread, different[-1] + spread, different[-1] + 1000 * spread, 0.0]
    found = np.concatenate([*near, np.array(beyond)])
    within: NDArray[np.float64] = found[np.isfinite(found) & (np.abs(found) <= LARGEST)]
    return within


def _splits(estimator: Any, width: int) -> dict[int, NDArray[np.float64]]:
    """The values that the estimator's trees split at, by feature: of trees that take as many columns as there are features."""
    found: dict[int, list[NDArray[np.float64]]] = {}
    for owners, part in parts(estimator):
        features, thresholds = getattr(part, "feature", None), getattr(part, "threshold", None)
        of = getattr(owners[-1], "n_features_in_", None) if owners else None
        if isinstance(features, np.ndarray) and isinstance(thresholds, np.ndarray) and of == width:
            for index in np.unique(features[features >= 0]).tolist():
                found.setdefault(index, []).append(thresholds[features == index].astype(np.float64))
    return {index: np.unique(np.concatenate(some)) for index, some in found.items()}
