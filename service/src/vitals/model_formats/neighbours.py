"""Nearest neighbours from a file: scikit-learn's compiled search follows node and class numbers without looking.

A ball tree or k-d tree is made again from the rows that it holds, as `fit` made it (sklearn.neighbors.NeighborsBase._fit), so
that nothing of the file's own tree is ever followed; the class numbers, which a search counts by, are checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.estimators.estimator_walk import parts

_METRICS = (
    *("BrayCurtis", "Canberra", "Chebyshev", "Dice", "Euclidean", "Hamming", "Haversine", "Jaccard", "Mahalanobis"),
    *("Manhattan", "Minkowski", "RogersTanimoto", "RussellRao", "SEuclidean", "SokalSneath"),
)
NEIGHBOUR_TREES = {
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    *(f"sklearn.metrics._dist_metrics.{metric}Distance64" for metric in _METRICS),
}
"""A tree's types as skops names them: the tree, and the metric in it."""


def remake_neighbours(estimator: Any) -> None:
    """Make the trees in `estimator` again from their rows.

    Raises ValueError where its rows, features and classes do not belong together, or a tree or a metric is anywhere else.
    """
    from scipy.sparse import issparse  # type: ignore[import-untyped]  # SciPy ships no types
    from sklearn.metrics import DistanceMetric
    from sklearn.neighbors import BallTree, KDTree
    from sklearn.neighbors._base import NeighborsBase

    made = set()
    found = [part for _, part in parts(estimator)]
    for part in found:
        if isinstance(part, NeighborsBase) and hasattr(part, "_fit_X"):
            _check_rows(part)
            _remake(part, {"ball_tree": BallTree, "kd_tree": KDTree})
            made.add(id(part._tree))
        elif issparse(part) and hasattr(part, "check_format"):
            part.check_format(full_check=True)
    for _, part in parts(estimator):
        if isinstance(part, BallTree | KDTree | DistanceMetric) and id(part) not in made:
            raise ValueError(f"a {type(part).__name__} stands where scikit-learn puts none")


def _remake(one: Any, kinds: dict[str, Any]) -> None:
    if one._fit_method == "brute":
        one._tree = None
        return
    metric = one.effective_metric_
    if one._fit_method not in kinds or not isinstance(metric, str):
        raise ValueError("a search of neighbours goes by a way or a metric that scikit-learn does not have")
    one._tree = kinds[one._fit_method](one._fit_X, one.leaf_size, metric=metric, **one.effective_metric_params_)


def _check_rows(one: Any) -> None:
    rows = one._fit_X
    if getattr(rows, "ndim", None) != 2 or rows.shape != (one.n_samples_fit_, one.n_features_in_):
        raise ValueError("the rows of a search of neighbours have another shape than it says")
    known = getattr(one, "_y", None)
    if known is None:
        return
    if not isinstance(known, np.ndarray) or known.shape[:1] != rows.shape[:1]:
        raise ValueError("a search of neighbours has another number of answers than rows")
    classes = getattr(one, "classes_", None)
    if classes is not None:
        limits = [len(each) for each in classes] if isinstance(classes, list) else [len(classes)]
        columns = known.reshape(len(known), -1)
        if not np.issubdtype(known.dtype, np.integer) or columns.shape[1] != len(limits):
            raise ValueError("a search of neighbours counts by classes that are no whole numbers")
        if (columns < 0).any() or (columns >= np.array(limits)).any():
            raise ValueError("a search of neighbours counts a class that does not exist")
