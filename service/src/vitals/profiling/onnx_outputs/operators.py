"""The operators of an ONNX graph that stand behind its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitals.errors import ModelMismatch
from vitals.extras import install

_PASSED = {
    "ArrayFeatureExtractor", "Cast", "Clip", "Flatten", "Gather", "Identity", "Normalizer", "Reshape", "Slice", "Split",
    "Squeeze", "Transpose", "Unsqueeze", "ZipMap",
}  # fmt: skip
"""Operators that change the form of what they are given, and not what it is."""

_BY_TRANSFORM = {"LOGISTIC": "Sigmoid", "SOFTMAX": "Softmax"}


@dataclass(frozen=True)
class Ending:
    """What stands behind one output."""

    last: str
    """The last operator that gives the values their meaning; Sigmoid and Softmax, too, where an operator has them built in."""
    has: frozenset[str]
    """Every operator that the output rests on; `SVMClassifier without probabilities` among them."""


def endings(path: Path) -> dict[str, Ending]:
    """What stands behind each output of the model in `path`. Raises ModelMismatch where the package onnx is not installed."""
    try:
        import onnx
        import onnx.inliner
    except ImportError:
        raise ModelMismatch(
            f"{path} is an ONNX model, and the package onnx, which reads its operators, is not installed: {install('onnx')}."
        ) from None
    model = onnx.load_model(str(path), load_external_data=False)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    makers = {name: node for node in model.graph.node for name in node.output if name}
    return {one.name: Ending(_last(one.name, makers), _rests_on(one.name, makers)) for one in model.graph.output}


def _last(name: str, makers: dict[str, Any]) -> str:
    node = makers.get(name)
    while node is not None and node.op_type in _PASSED and node.input:
        node = makers.get(node.input[0])
    return "" if node is None else _BY_TRANSFORM.get(_transform(node), node.op_type)


def _transform(node: Any) -> str:
    return next((one.s.decode() for one in node.attribute if one.name == "post_transform"), "")


def _rests_on(name: str, makers: dict[str, Any]) -> frozenset[str]:
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        node = makers.get(one)
        if node is None or one in seen:
            continue
        seen.add(one)
        found.add(node.op_type)
        if node.op_type == "SVMClassifier" and not any(one.name == "prob_a" and one.floats for one in node.attribute):
            found.add("SVMClassifier without probabilities")
        waiting.extend(node.input)
    return frozenset(found)
