"""ONNX graphs that give labels beside probabilities: told apart by what they are, and the graph's label is the answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from vitals.bundle.model_card import OnnxOutput
from vitals.errors import ModelMismatch

from .onnx_exports import export, iris_of
from .onnx_graphs import FEATURES, answers, folder_of, graph, served_answers, table_of, weights


@pytest.mark.parametrize("zipmap", [True, False])
def test_the_graphs_label_decides_where_another_class_is_more_probable(tmp_path: Path, zipmap: bool) -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(120, 4)).astype(np.float32)
    labels = np.where(rows[:, 0] + random.normal(size=120) > 0, "yes", "no")
    model = export(SVC(probability=True, random_state=0).fit(rows, labels), {"zipmap": zipmap})
    table = pd.DataFrame(rows.astype(np.float64), columns=FEATURES).assign(y=labels)
    folder_of(model, table, tmp_path)
    named, found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": rows})
    expected = np.array([[one["no"], one["yes"]] for one in found]) if zipmap else found
    most = np.array(["no", "yes"])[expected.argmax(axis=1)]
    assert (most != named).any(), "the test's data should have rows whose label is not the most probable class"
    served = served_answers(tmp_path, table)
    assert [one.predicted for one in served] == named.tolist()
    assert np.allclose([one.probabilities for one in served], expected, atol=1e-5)


def _labelled(kind: str, outputs: list[str], label: str, *, scale: float = 1.0) -> onnx.ModelProto:
    """Softmax with a label of the type `kind`, and outputs nobody needs, in the order and under the names given."""
    names = {"string": np.array(["cat", "cow", "dog"], dtype=object), "bool": np.array([False, True, True])}
    numbers = {"int64": np.array([2, 5, 9]), "int32": np.array([2, 5, 9], dtype=np.int32)}
    probability = next(name for name in outputs if name.startswith("p"))
    wide = {"p": 3, "z": 3, "h": 3}
    return graph(
        [
            ("MatMul", ["X", "w"], ["z_scores"], {}),
            ("Softmax", ["z_scores"], [probability], {"axis": 1}),
            ("ArgMax", ["z_scores"], ["top"], {"axis": 1, "keepdims": 0}),
            ("Gather", ["names", "top"], [label], {"axis": 0}),
            ("Relu", ["z_scores"], ["hidden"], {}),
        ],
        {"X": ("float", (None, 4))},
        {name: (kind, (None,)) if name == label else ("float", (None, wide[name[0]])) for name in outputs},
        {"w": weights(3) * np.float32(scale), "names": (names | numbers)[kind]},
    )


@pytest.mark.parametrize("kind", ["int64", "int32", "string"])
@pytest.mark.parametrize(
    "outputs", [["p", "named"], ["named", "p"], ["hidden", "p", "z_scores", "named"]], ids=["turned", "usual", "more of them"]
)
def test_outputs_are_told_apart_in_any_order_under_any_name(tmp_path: Path, kind: str, outputs: list[str]) -> None:
    model, table = _labelled(kind, outputs, "named"), table_of()
    table["y"] = answers(model, table, "named")
    made = folder_of(model, table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="probabilities", answer="p", label="named")
    served = served_answers(tmp_path, table)
    assert [one.predicted for one in served] == [str(name) for name in table.y]
    assert np.allclose([one.probabilities for one in served], answers(model, table, "p"), atol=1e-6)


def test_labels_of_true_and_false_with_probabilities_in_double(tmp_path: Path) -> None:
    model = graph(
        [
            ("MatMul", ["X", "w"], ["scores"], {}),
            ("Softmax", ["scores"], ["p"], {"axis": 1}),
            ("ArgMax", ["scores"], ["top"], {"axis": 1, "keepdims": 1}),
            ("Cast", ["top"], ["named"], {"to": onnx.TensorProto.BOOL}),
        ],
        {"X": ("double", ("any name", 4))},
        {"named": ("bool", (None, 1)), "p": ("double", (None, 2))},
        {"w": weights(2, np.float64)},
    )
    table = table_of()
    session = onnxruntime.InferenceSession(model.SerializeToString())
    named, expected = session.run(["named", "p"], {"X": table[FEATURES].to_numpy()})
    table["y"] = named[:, 0]
    made = folder_of(model, table, tmp_path)
    assert made.profile.classes == ("false", "true")
    served = served_answers(tmp_path, table)
    assert [one.predicted for one in served] == ["true" if name else "false" for name in table.y]
    assert np.array_equal([one.probabilities for one in served], expected)


def test_one_output_a_class_is_refused_where_one_number_does_not_say_all(tmp_path: Path) -> None:
    table, rows, labels = iris_of(3)
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    with pytest.raises(ModelMismatch, match=r"as an output of its own .* zipmap=False"):
        folder_of(export(model, {"zipmap": "columns"}), table, tmp_path)
    table, rows, labels = iris_of(2)
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    made = folder_of(export(model, {"zipmap": "columns"}), table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="sigmoid", answer="i1", label="output_label")
    served = served_answers(tmp_path, table)
    assert [one.predicted for one in served] == [str(label) for label in model.predict(rows)]
    assert np.allclose([one.probabilities for one in served], model.predict_proba(rows), atol=1e-5)


def test_a_folder_of_before_is_read_by_its_outputs_types(tmp_path: Path) -> None:
    model, table = _labelled("int64", ["named", "p"], "named"), table_of()
    table["y"] = answers(model, table, "named")
    made = folder_of(model, table, tmp_path)
    before = made.facts.model_dump_json(exclude={"output"})
    (tmp_path / "served" / "model.json").write_text(before)
    assert [one.predicted for one in served_answers(tmp_path, table)] == [str(name) for name in table.y]
