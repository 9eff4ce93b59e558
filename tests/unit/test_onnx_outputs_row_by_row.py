"""ONNX graphs that take one row a call: asked row by row, with the same answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from vitals.bundle.model_card import OnnxOutput
from vitals.profiling.onnx_outputs.settle import SLOW

from .onnx_exports import iris_of
from .onnx_graphs import answers, folder_of, graph, layer, served_answers, table_of, weights


def test_a_graph_for_one_row_a_call_is_asked_row_by_row(tmp_path: Path) -> None:
    free, table = layer(3, "Softmax", axis=1), table_of()
    expected = answers(free, table)
    table["y"] = expected.argmax(axis=1)
    made = folder_of(layer(3, "Softmax", shape=(1, 4), axis=1), table, tmp_path)
    assert SLOW in made.warnings
    assert np.allclose([one.probabilities for one in served_answers(tmp_path, table)], expected, atol=1e-6)


def test_a_graph_with_the_shape_of_one_row_inside_is_asked_row_by_row(tmp_path: Path) -> None:
    model = graph(
        [
            ("MatMul", ["X", "w"], ["scores"], {}),
            ("Reshape", ["scores", "shape"], ["row"], {}),
            ("Softmax", ["row"], ["out"], {"axis": 1}),
        ],
        {"X": ("float", ("rows", 4))},
        {"out": ("float", (1, 3))},
        {"w": weights(3), "shape": np.array([1, 3])},
    )
    table = table_of()
    expected = answers(layer(3, "Softmax", axis=1), table)
    table["y"] = expected.argmax(axis=1)
    made = folder_of(model, table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="probabilities", answer="out", one_by_one=True)
    assert SLOW in made.warnings
    assert np.allclose([one.probabilities for one in served_answers(tmp_path, table)], expected, atol=1e-6)


def test_zipmap_row_by_row(tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    table, rows, labels = iris_of(3)
    fitted = LogisticRegression(max_iter=1000).fit(rows, labels)
    folder_of(to_onnx(fitted, initial_types=[("X", FloatTensorType([1, 4]))]), table, tmp_path)
    served = served_answers(tmp_path, table)
    assert np.allclose([one.probabilities for one in served], fitted.predict_proba(rows), atol=1e-5)
