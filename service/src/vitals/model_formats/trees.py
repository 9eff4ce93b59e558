"""Decision trees from a file: scikit-learn follows their node numbers without looking, so they are looked at here.

A tree that names a node or a feature that does not exist would read memory it should not. skops therefore trusts no
tree by itself; what it makes of one is data only, and this check is what it asks for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.estimators.estimator_walk import Owners, parts

TREE = "sklearn.tree._tree.Tree"
PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"

_LEAF = -1


def check_trees(estimator: Any) -> None:
    """Raise ValueError where a tree in `estimator` points to a node, a feature or a set of categories that does not exist."""
    for owners, part in parts(estimator):
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        if kind == TREE:
            _check_tree(part, owners)
        elif kind == PREDICTOR:
            _check_predictor(part, owners)


def _check_tree(tree: Any, owners: Owners) -> None:
    left, right, features = tree.children_left, tree.children_right, tree.feature
    leaf = left == _LEAF
    if len(left) < 1 or not np.array_equal(leaf, right == _LEAF):
        raise ValueError("a tree has nodes with one child")
    _later_nodes(left[~leaf], np.flatnonzero(~leaf), len(left))
    _later_nodes(right[~leaf], np.flatnonzero(~leaf), len(left))
    _below(features[~leaf], _width(owners), "feature")
    outputs = getattr(owners[-1], "estimators_", None)
    stages = getattr(owners[-1], "n_trees_per_iteration_", None)
    if stages is not None and isinstance(outputs, np.ndarray) and outputs.shape[1:] != (stages,):
        raise ValueError("a stage of gradient boosting has another number of trees than it says")


def _check_predictor(tree: Any, owners: Owners) -> None:
    nodes = tree.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    where = np.flatnonzero(nodes["is_leaf"] == 0)
    if len(nodes) < 1:
        raise ValueError("a tree has no nodes")
    _later_nodes(inner["left"], where, len(nodes))
    _later_nodes(inner["right"], where, len(nodes))
    _below(inner["feature_idx"], _width(owners), "feature")
    by_category = inner["is_categorical"] != 0
    if by_category.any():
        sets = tree.raw_left_cat_bitsets
        _below(inner["bitset_idx"][by_category], len(sets), "set of categories")
        if sets.ndim != 2 or sets.shape[1] != 8:
            raise ValueError("a tree's sets of categories have another shape than scikit-learn's")
        _check_known_categories(owners[-1], inner["feature_idx"][by_category])


def _check_known_categories(owner: Any, features: NDArray[Any]) -> None:
    """The bitsets of known categories are made from the bin mapper when it predicts: each such feature must be one of its own."""
    mapper = getattr(owner, "_bin_mapper", None)
    flags = getattr(mapper, "is_categorical_", None)
    thresholds = getattr(mapper, "bin_thresholds_", None)
    if flags is None or thresholds is None or len(flags) != len(thresholds):
        raise ValueError("a tree splits by categories that its model does not know")
    _below(features, len(flags), "feature")
    if not np.asarray(flags, dtype=bool)[features].all():
        raise ValueError("a tree splits by categories that its model does not know")


def _later_nodes(children: NDArray[Any], parents: NDArray[Any], count: int) -> None:
    """A child stands behind its parent, as scikit-learn writes them: so there is no circle either."""
    if ((children <= parents) | (children >= count)).any():
        raise ValueError("a tree points to a node that does not exist")


def _below(indices: NDArray[Any], limit: int, of_what: str) -> None:
    if ((indices < 0) | (indices >= limit)).any():
        raise ValueError(f"a tree asks for a {of_what} that does not exist")


def _width(owners: Owners) -> int:
    """How many features the rows have that reach the tree: an ensemble hands its own rows to its trees without another look."""
    widths = [getattr(owner, "n_features_in_", None) for owner in owners]
    if not widths or not all(isinstance(width, int | np.integer) for width in widths):
        raise ValueError("a tree belongs to nothing that says how many features it takes")
    return min(int(width) for width in widths if width is not None)
