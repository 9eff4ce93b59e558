"""From a fitted scikit-learn estimator to ONNX graphs, by skl2onnx."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vitals.bundle.schema import Feature
from vitals.extras import install
from vitals.model_io.inputs import Container, dtype_of, is_text
from vitals.profiling.conversion.onnx_tree_gaps import with_gap_branches

Precision = Literal["float64", "float32"]

_OF_TREES = ("sklearn.tree", "sklearn.ensemble")


class NotConvertible(Exception):
    """No graph can be made; the message is a clause that says why."""


@dataclass(frozen=True)
class Converted:
    """A graph as ONNX's bytes, and the precision that it computes in."""

    graph: bytes
    precision: Precision


def conversions(estimator: Any, features: Sequence[Feature], container: Container) -> Iterator[Converted]:
    """Graphs of `estimator`, the most exact first: in double precision where the operators allow it, then in single.

    `container`: what the estimator is given. An array becomes one tensor for all features, a DataFrame one tensor a column.
    Raises NotConvertible where there is none.
    """
    try:
        import skl2onnx
    except ImportError:
        raise NotConvertible(f"skl2onnx is not installed ({install('onnx')})") from None
    _check_types(features, container)
    reason = ""
    for what, precision in _ways(_unwrapped(estimator)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                graph = skl2onnx.to_onnx(
                    what,
                    initial_types=_initial_types(features, container, precision),
                    options={"zipmap": False} if hasattr(what, "predict_proba") else None,
                )
        except Exception as wrong:  # skl2onnx raises whatever the step of a pipeline that it can't convert makes it raise
            reason = reason or _reason(wrong)
            continue
        yield Converted(_with_true_types(with_gap_branches(graph, what)).SerializeToString(), precision)
    if reason:
        raise NotConvertible(f"skl2onnx can't convert it ({reason})")


def _with_true_types(graph: Any) -> Any:
    """`graph` whose outputs have the types that its operators give.

    skl2onnx takes them from the first input that it meets: beside a boolean one, a graph in double precision says single.
    """
    from onnx import shape_inference

    inferring = type(graph)()
    inferring.CopyFrom(graph)
    for output in inferring.graph.output:
        output.ClearField("type")
    try:
        inferred = {output.name: output.type for output in shape_inference.infer_shapes(inferring).graph.output}
    except Exception:  # it checks operators that ONNX Runtime runs all the same; its errors have no common type
        return graph
    for output in graph.graph.output:
        element = inferred[output.name].tensor_type.elem_type
        if element:
            output.type.tensor_type.elem_type = element
    return graph


def _unwrapped(estimator: Any) -> Any:
    """What a search found: the search itself has no operator."""
    return getattr(estimator, "best_estimator_", estimator)


def _ways(estimator: Any) -> Iterator[tuple[Any, Precision]]:
    """The estimator, and the precision of its inputs.

    scikit-learn's trees round their input to 32 bits and no step before them does: a graph of such a pipeline rounds there, too.
    """
    from skl2onnx.sklapi import CastTransformer
    from sklearn.pipeline import Pipeline

    steps = getattr(estimator, "steps", None)
    last = steps[-1][1] if isinstance(steps, list) and steps else estimator
    trees = type(last).__module__.startswith(_OF_TREES)
    if trees and isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
        rounded = Pipeline([*estimator.steps[:-1], ("to_float32", CastTransformer().fit(np.zeros((1, 1)))), estimator.steps[-1]])
        yield rounded, "float64"
    if not trees:
        yield estimator, "float64"
    yield estimator, "float32"


def _check_types(features: Sequence[Feature], container: Container) -> None:
    if container == "array" and not all(feature.kind == "numeric" for feature in features):
        raise NotConvertible("an array of texts and numbers has no tensor")
    for feature in features:
        dtype = dtype_of(feature)
        if feature.kind == "numeric" and not dtype.startswith("float"):
            raise NotConvertible(f"'{feature.name}' is of the type {dtype}, and its tensor would lose a request's fractions")
        if dtype == "category":
            raise NotConvertible(f"'{feature.name}' is of pandas' type category, which no tensor has")
        if not feature.name.isprintable() or feature.name != feature.name.strip():
            raise NotConvertible(f"{feature.name!r} can't name an input of a graph")


def _initial_types(features: Sequence[Feature], container: Container, precision: Precision) -> list[tuple[str, Any]]:
    from skl2onnx.common import data_types

    numbers = data_types.DoubleTensorType if precision == "float64" else data_types.FloatTensorType
    if container == "array":
        return [("features", numbers([None, len(features)]))]
    made = []
    for feature in features:
        kind: Any = numbers
        if feature.kind == "boolean":
            kind = data_types.BooleanTensorType
        elif is_text(feature):
            kind = data_types.StringTensorType
        elif feature.kind == "categorical":
            kind = data_types.Int64TensorType
        made.append((feature.name, kind([None, 1])))
    return made


def _reason(wrong: Exception) -> str:
    while wrong.__cause__ is not None and isinstance(wrong.__cause__, Exception):
        wrong = wrong.__cause__  # the first of them says what it was; the others repeat the graph
    line = next((line for line in str(wrong).splitlines() if line.strip()), "")
    return f"{type(wrong).__name__}: {line[:200]}".rstrip(": .")
