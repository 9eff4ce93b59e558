"""What an estimator is made of: everything that can be reached from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Owners = tuple[Any, ...]
"""The estimator that holds a part, then the ensemble that asks this estimator without looking at the rows again."""


def parts(root: Any) -> Iterator[tuple[Owners, Any]]:
    """Every object below `root` that is no plain data, with its owners; one that two estimators share comes for both."""
    seen: set[tuple[int, ...]] = set()
    waiting: list[tuple[Owners, Any]] = [((), root)]
    while waiting:
        owners, here = waiting.pop()
        if isinstance(here, str | bytes | int | float | bool | None):
            continue
        key = (id(here), *map(id, owners))
        if key in seen:
            continue
        seen.add(key)
        if isinstance(here, dict):
            waiting += [(owners, value) for value in here.values()]
        elif isinstance(here, list | tuple | set | frozenset):
            waiting += [(owners, value) for value in here]
        elif isinstance(here, np.ndarray):
            if here.dtype.hasobject:
                waiting += [(owners, value) for value in here.ravel().tolist()]
        else:
            yield owners, here
            if hasattr(here, "__dict__"):
                inside = _owners_inside(owners, here)
                waiting += [(inside, value) for value in vars(here).values()]


def same_by_array(estimator: Any) -> bool:
    """Whether an array gets the answers of a DataFrame by construction: every step is scikit-learn's, and none of them
    chooses columns by their names or hands the input to somebody's function."""
    for _, part in parts(estimator):
        kind = type(part)
        if kind.__name__ in ("ColumnTransformer", "FunctionTransformer"):
            return False
        if hasattr(part, "fit") and not kind.__module__.startswith("sklearn."):
            return False
    return True


def _owners_inside(owners: Owners, here: Any) -> Owners:
    if not hasattr(here, "fit"):
        return owners
    from sklearn.ensemble._forest import BaseForest
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.tree import BaseDecisionTree

    direct = owners and isinstance(owners[-1], BaseForest | BaseGradientBoosting) and isinstance(here, BaseDecisionTree)
    return (here, owners[-1]) if direct else (here,)
