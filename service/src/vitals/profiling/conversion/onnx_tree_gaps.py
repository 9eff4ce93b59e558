"""Gaps in the trees of a converted model: scikit-learn sends a missing value down one branch, and skl2onnx does not say which."""

from __future__ import annotations

from typing import Any

import numpy as np

_BRANCHES = "nodes_missing_value_tracks_true"


def with_gap_branches(graph: Any, estimator: Any) -> Any:
    """`graph`, an ONNX model of `estimator`, whose trees send a missing value where scikit-learn's do.

    A graph without trees, and one of trees that never miss a value, is left as it is.
    """
    trees = _trees(estimator)
    nodes = [node for node in graph.graph.node if node.op_type.startswith("TreeEnsemble")]
    if not trees or len(nodes) != 1:
        return graph
    from onnx.helper import make_attribute

    attributes = {attribute.name: attribute for attribute in nodes[0].attribute}
    of_tree = np.array(attributes["nodes_treeids"].ints)
    of_node = np.array(attributes["nodes_nodeids"].ints)
    if of_tree.max(initial=-1) >= len(trees):
        return graph  # several trees a class, in an order of the converter's own
    left = np.zeros(len(of_node), dtype=np.int64)
    for index, tree in enumerate(trees):
        here = of_tree == index
        if here.sum() != tree.node_count:
            return graph
        left[here] = np.asarray(tree.missing_go_to_left)[of_node[here]] != 0
    if _BRANCHES in attributes:
        nodes[0].attribute.remove(attributes[_BRANCHES])
    nodes[0].attribute.append(make_attribute(_BRANCHES, left.tolist()))
    return graph


def _trees(estimator: Any) -> list[Any]:
    """The fitted trees of a tree or a forest, which may be a pipeline's last step."""
    steps = getattr(estimator, "steps", None)
    last = steps[-1][1] if isinstance(steps, list) and steps else estimator
    if not type(last).__module__.startswith("sklearn."):
        return []
    several = getattr(last, "estimators_", None)
    one = [last] if several is None else several if isinstance(several, list) else []
    trees = [getattr(tree, "tree_", None) for tree in one]
    return trees if all(hasattr(tree, "missing_go_to_left") for tree in trees) else []
