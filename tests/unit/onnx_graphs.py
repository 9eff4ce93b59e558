"""ONNX graphs written by hand, as PyTorch, Keras and others export them, tables of their own answers, and what is served."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vitals.model.served import Outcome, load_model
from vitals.profiling.bundle import Card, Made, Reference, make_folder

FEATURES = list("abcd")
_ELEMENTS = {
    "float": TensorProto.FLOAT,
    "double": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
    "uint8": TensorProto.UINT8,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
    "bfloat16": TensorProto.BFLOAT16,
}

Shape = Sequence[int | str | None]


def table_of(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Four columns of numbers that 32-bit floats hold exactly."""
    numbers = np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)
    return pd.DataFrame(numbers.astype(np.float64), columns=FEATURES)


def weights(outputs: int, kind: Any = np.float32) -> NDArray[Any]:
    """Those of a layer from four features."""
    return np.random.default_rng(7).normal(size=(4, outputs)).astype(kind)


def graph(
    nodes: Sequence[tuple[str, Sequence[str], Sequence[str], dict[str, Any]]],
    inputs: dict[str, tuple[str, Shape]],
    outputs: dict[str, tuple[str, Shape]],
    constants: dict[str, NDArray[Any]],
    *,
    domain: str = "",
    opset: int = 17,
) -> onnx.ModelProto:
    """A model of `nodes`: (operator, its inputs, its outputs, its attributes); inputs and outputs are (type, shape) by name."""
    made = helper.make_model(
        helper.make_graph(
            [helper.make_node(kind, given, gives, domain=domain, **attributes) for kind, given, gives, attributes in nodes],
            "made",
            [helper.make_tensor_value_info(name, _ELEMENTS[kind], shape) for name, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(name, _ELEMENTS[kind], shape) for name, (kind, shape) in outputs.items()],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])],
        producer_name="pytorch",
        producer_version="2.9",
    )
    made.ir_version = 9
    return made


def layer(
    outputs: int, ending: str | None, *, shape: Shape = ("rows", 4), flat: bool = False, **attributes: Any
) -> onnx.ModelProto:
    """One layer of four features with the operator `ending`, as a network ends; `flat` gives [n] in place of [n, 1]."""
    nodes: list[Any] = [("MatMul", ["X", "w"], ["scores"], {})]
    last = "scores"
    if ending is not None:
        nodes.append((ending, ["scores"], ["ended"], attributes))
        last = "ended"
    nodes.append(("Squeeze", [last, "axes"], ["out"], {}) if flat else ("Identity", [last], ["out"], {}))
    given: Shape = (shape[0],) if flat else (shape[0], outputs)
    return graph(
        nodes, {"X": ("float", shape)}, {"out": ("float", given)}, {"w": weights(outputs), "axes": np.array([1], dtype=np.int64)}
    )


def write(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def run(model: onnx.ModelProto, feed: dict[str, NDArray[Any]], output: str) -> Any:
    """What ONNX Runtime itself gives."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([output], feed)[0]


def answers(model: onnx.ModelProto, table: pd.DataFrame, output: str = "out") -> Any:
    """What ONNX Runtime gives for the four features of `table`, in one tensor of floats."""
    return run(model, {"X": table[FEATURES].to_numpy(np.float32)}, output)


def folder_of(model: onnx.ModelProto, table: pd.DataFrame, folder: Path, target: str = "y") -> Made:
    return make_folder(write(model, folder), Reference(table, target), Card("made"), folder / "served")


def served_answers(tmp_path: Path, table: pd.DataFrame) -> list[Outcome]:
    """The answers for all rows in one batch; each row alone has the same, within the tolerance of ONNX."""
    served = load_model(tmp_path / "served")
    rows = table[[feature.name for feature in served.profile.features]].to_numpy().tolist()
    together = served.predict(rows)
    alone = [served.predict([row])[0] for row in rows]
    for one, beside in zip(alone, together, strict=True):
        assert one.class_index == beside.class_index
        assert one.predicted == (
            beside.predicted if served.profile.classes else pytest.approx(beside.predicted, rel=1e-5, abs=1e-6)
        )
        assert (one.probabilities or ()) == pytest.approx(beside.probabilities or (), abs=1e-5)
    return together
