"""What an ONNX graph's outputs mean: served as the graph means it, or refused with the cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC, LinearSVC

from vitals.errors import DataError, ModelMismatch, VitalsError
from vitals.making.onnx_meaning.settle import SLOW
from vitals.model.served import Outcome, load_model
from vitals.profile.facts import OnnxOutput

from .onnx_graphs import FEATURES, answers, folder_of, graph, layer, table_of, weights

_LABELS_AND_TENSOR = {"label": ("int64", ("rows",)), "probabilities": ("float", ("rows", 3))}


def _served(tmp_path: Path, table: pd.DataFrame) -> list[Outcome]:
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


def _iris(classes: int) -> tuple[pd.DataFrame, Any, Any]:
    rows, labels = load_iris(return_X_y=True)
    rows, labels = rows[labels < classes].astype(np.float32), labels[labels < classes]
    return pd.DataFrame(rows.astype(np.float64), columns=FEATURES).assign(y=labels), rows, labels


def _export(model: ClassifierMixin, options: dict[str, Any] | None) -> onnx.ModelProto:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    given = {id(model): options} if options else None
    return to_onnx(model, initial_types=[("X", FloatTensorType([None, 4]))], options=given)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("model", "options", "cause"),
    [
        (LogisticRegression(max_iter=1000), {"raw_scores": True}, "raw scores .* without the option raw_scores"),
        (LogisticRegression(max_iter=1000), {"raw_scores": True, "zipmap": False}, "raw scores .* without the option raw_scores"),
        (SVC(), {"zipmap": True}, "raw scores .* probability=True, or wrap it in CalibratedClassifierCV"),
        (SVC(), {"zipmap": False}, "raw scores .* probability=True, or wrap it in CalibratedClassifierCV"),
        (LinearSVC(), None, "raw scores .* as LinearSVC, wrap it in CalibratedClassifierCV"),
        (RidgeClassifier(), None, "raw scores .* wrap it in CalibratedClassifierCV"),
    ],
)
def test_scores_are_not_taken_for_probabilities(
    tmp_path: Path, classes: int, model: Any, options: dict[str, Any] | None, cause: str
) -> None:
    table, rows, labels = _iris(classes)
    with pytest.raises(ModelMismatch, match=cause):
        folder_of(_export(model.fit(rows, labels), options), table, tmp_path)
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize("zipmap", [True, False])
def test_the_graphs_label_decides_where_another_class_is_more_probable(tmp_path: Path, zipmap: bool) -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(120, 4)).astype(np.float32)
    labels = np.where(rows[:, 0] + random.normal(size=120) > 0, "yes", "no")
    model = _export(SVC(probability=True, random_state=0).fit(rows, labels), {"zipmap": zipmap})
    table = pd.DataFrame(rows.astype(np.float64), columns=FEATURES).assign(y=labels)
    folder_of(model, table, tmp_path)
    named, found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": rows})
    expected = np.array([[one["no"], one["yes"]] for one in found]) if zipmap else found
    most = np.array(["no", "yes"])[expected.argmax(axis=1)]
    assert (most != named).any(), "the test's data should have rows whose label is not the most probable class"
    served = _served(tmp_path, table)
    assert [one.predicted for one in served] == named.tolist()
    assert np.allclose([one.probabilities for one in served], expected, atol=1e-5)


@pytest.mark.parametrize(
    "names", [("cat", "cow", "dog"), (0, 1, 2), (3, 7, 20)], ids=["text", "indexes", "whole numbers in the order of numbers"]
)
def test_softmax_without_labels_is_a_classifier(tmp_path: Path, names: tuple[Any, ...]) -> None:
    model, table = layer(3, "Softmax", axis=1), table_of()
    expected = answers(model, table)
    table["y"] = np.array(names)[expected.argmax(axis=1)]
    made = folder_of(model, table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="probabilities", answer="out")
    assert made.profile.classes == tuple(map(str, names))
    assert made.facts.trained_with == "pytorch 2.9"
    noted = [note for note in made.warnings if "does not name its classes" in note]
    assert len(noted) == (names != (0, 1, 2)), "the order is taken for granted but for indexes"
    served = _served(tmp_path, table)
    assert [one.predicted for one in served] == [str(name) for name in table.y]
    assert np.allclose([one.probabilities for one in served], expected, atol=1e-6)


def test_indexes_need_not_all_be_in_the_data(tmp_path: Path) -> None:
    model, table = layer(3, "Softmax", axis=1), table_of()
    table["y"] = answers(model, table).argmax(axis=1)
    made = folder_of(model, table[table.y < 2].reset_index(drop=True), tmp_path)
    assert made.profile.classes == ("0", "1", "2")


def test_classes_in_another_order_than_the_sorted_one_are_refused(tmp_path: Path) -> None:
    model, table = layer(3, "Softmax", axis=1), table_of()
    table["y"] = np.array(["cat", "dog", "cow"])[answers(model, table).argmax(axis=1)]
    with pytest.raises(DataError, match=r"does not name its classes, and in sorted order \(cat, cow, dog\) only"):
        folder_of(model, table, tmp_path)
    model = layer(1, "Sigmoid")
    table["y"] = np.where(answers(model, table)[:, 0] > 0.5, "approved", "denied")
    with pytest.raises(DataError, match=r"in sorted order \(approved, denied\) only 0%"):
        folder_of(model, table, tmp_path)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(
    "names", [(0, 1), (False, True), ("no", "yes"), (1, 2)], ids=["0/1", "true/false", "text", "two whole numbers"]
)
def test_one_sigmoid_is_the_second_classs_probability(tmp_path: Path, names: tuple[Any, Any], flat: bool) -> None:
    model, table = layer(1, "Sigmoid", flat=flat), table_of()
    expected = answers(model, table).reshape(-1)
    table["y"] = np.array(names)[(expected > 0.5).astype(int)]
    made = folder_of(model, table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="sigmoid", answer="out")
    assert made.profile.classes == tuple(str(name).lower() for name in names)
    served = _served(tmp_path, table)
    assert [one.predicted for one in served] == [str(name).lower() for name in table.y]
    assert np.allclose([(one.probabilities or ())[1] for one in served], expected, atol=1e-6)


def test_a_sigmoid_with_a_target_of_many_values_is_a_regression(tmp_path: Path) -> None:
    model, table = layer(1, "Sigmoid"), table_of()
    table["y"] = answers(model, table)[:, 0]
    made = folder_of(model, table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="value", answer="out")
    assert [one.predicted for one in _served(tmp_path, table)] == pytest.approx(table.y.tolist(), abs=1e-6)


def test_a_regression_over_two_values_is_noted(tmp_path: Path) -> None:
    table = table_of()
    table["y"] = (table.a > 0).astype(int)
    made = folder_of(layer(1, None), table, tmp_path)
    assert made.profile.task == "regression"
    assert any("has only the values 0 and 1: the model is served as a regression" in note for note in made.warnings)
    model = layer(1, "HardSigmoid")  # within [0, 1], and no probability
    made = folder_of(model, table, tmp_path)
    assert made.profile.task == "regression"
    assert any("nothing in the graph says that they are probabilities" in note for note in made.warnings)
    table["y"] = table.a
    assert not any("only the values" in note for note in folder_of(model, table, tmp_path).warnings)


_TEXT3 = np.array(["cat", "cow", "dog"])


@pytest.mark.parametrize(
    ("model", "target", "cause"),
    [
        (layer(3, None), _TEXT3, "scores .* no probabilities: end the graph with Softmax"),
        (layer(3, None), np.arange(3), "scores .* no probabilities: end the graph with Softmax"),
        (layer(3, "LogSoftmax", axis=1), _TEXT3, "logarithms of probabilities: end the graph with Softmax"),
        (layer(3, "Sigmoid"), _TEXT3, "multi-label"),
        (layer(3, "Sigmoid"), np.arange(3), "multi-label"),
        (layer(3, None), np.linspace(0, 1, 120), "predicts several values at once"),
        (layer(3, "Softmax", axis=1), np.linspace(0, 1, 120), "has 120 different values"),
        (layer(3, "Softmax", axis=1), np.array(["cat", "cow"]), "the data must have each class"),
        (layer(1, None), np.array(["no", "yes"]), "which is no probability, .* end the graph with Sigmoid"),
        (layer(1, None), _TEXT3, "has 3 classes: a classifier has to give the probabilities of all"),
        (layer(1, "Sigmoid"), _TEXT3, "has 3 classes: a classifier has to give the probabilities of all"),
        (layer(3, "Softmax", axis=0), _TEXT3, "another answer for a row alone than beside other rows"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_cause(tmp_path: Path, model: onnx.ModelProto, target: Any, cause: str) -> None:
    table = table_of()
    table["y"] = target if len(target) == len(table) else np.resize(target, len(table))
    with pytest.raises(VitalsError, match=cause):
        folder_of(model, table, tmp_path)
    assert not (tmp_path / "served").exists()


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
    served = _served(tmp_path, table)
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
    served = _served(tmp_path, table)
    assert [one.predicted for one in served] == ["true" if name else "false" for name in table.y]
    assert np.array_equal([one.probabilities for one in served], expected)


def test_several_labels_a_row_are_refused(tmp_path: Path) -> None:
    model = graph(
        [("MatMul", ["X", "w"], ["scores"], {}), ("Greater", ["scores", "zero"], ["labels"], {})],
        {"X": ("float", (None, 4))},
        {"labels": ("bool", (None, 3))},
        {"w": weights(3), "zero": np.zeros(1, np.float32)},
    )
    with pytest.raises(ModelMismatch, match=r"several labels a row .* multi-label"):
        folder_of(model, table_of().assign(y=0), tmp_path)


def test_one_output_a_class_is_refused_where_one_number_does_not_say_all(tmp_path: Path) -> None:
    table, rows, labels = _iris(3)
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    with pytest.raises(ModelMismatch, match=r"as an output of its own .* zipmap=False"):
        folder_of(_export(model, {"zipmap": "columns"}), table, tmp_path)
    table, rows, labels = _iris(2)
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    made = folder_of(_export(model, {"zipmap": "columns"}), table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="sigmoid", answer="i1", label="output_label")
    served = _served(tmp_path, table)
    assert [one.predicted for one in served] == [str(label) for label in model.predict(rows)]
    assert np.allclose([one.probabilities for one in served], model.predict_proba(rows), atol=1e-5)


def test_several_labels_a_row_are_refused_where_their_probabilities_happen_to_add_up_to_1(tmp_path: Path) -> None:
    table, rows, labels = _iris(3)
    model = OneVsRestClassifier(LogisticRegression()).fit(rows, np.c_[labels == 0, labels > 0].astype(int))
    for zipmap in (True, False):
        with pytest.raises(ModelMismatch, match=r"several labels a row .* multi-label"):
            folder_of(_export(model, {"zipmap": zipmap}), table, tmp_path)


def test_labels_without_probabilities_are_refused(tmp_path: Path) -> None:
    model = graph(
        [("MatMul", ["X", "w"], ["scores"], {}), ("ArgMax", ["scores"], ["label"], {"axis": 1, "keepdims": 0})],
        {"X": ("float", (None, 4))},
        {"label": ("int64", (None,))},
        {"w": weights(3)},
    )
    table = table_of()
    table["y"] = answers(model, table, "label")
    with pytest.raises(ModelMismatch, match="labels without probabilities"):
        folder_of(model, table, tmp_path)


def test_a_graph_for_one_row_a_call_is_asked_row_by_row(tmp_path: Path) -> None:
    free, table = layer(3, "Softmax", axis=1), table_of()
    expected = answers(free, table)
    table["y"] = expected.argmax(axis=1)
    made = folder_of(layer(3, "Softmax", shape=(1, 4), axis=1), table, tmp_path)
    assert SLOW in made.warnings
    assert np.allclose([one.probabilities for one in _served(tmp_path, table)], expected, atol=1e-6)


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
    assert np.allclose([one.probabilities for one in _served(tmp_path, table)], expected, atol=1e-6)


def test_zipmap_row_by_row(tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    table, rows, labels = _iris(3)
    fitted = LogisticRegression(max_iter=1000).fit(rows, labels)
    folder_of(to_onnx(fitted, initial_types=[("X", FloatTensorType([1, 4]))]), table, tmp_path)
    served = _served(tmp_path, table)
    assert np.allclose([one.probabilities for one in served], fitted.predict_proba(rows), atol=1e-5)


def test_a_folder_of_before_is_read_by_its_outputs_types(tmp_path: Path) -> None:
    model, table = _labelled("int64", ["named", "p"], "named"), table_of()
    table["y"] = answers(model, table, "named")
    made = folder_of(model, table, tmp_path)
    before = made.facts.model_dump_json(exclude={"output"})
    (tmp_path / "served" / "model.json").write_text(before)
    assert [one.predicted for one in _served(tmp_path, table)] == [str(name) for name in table.y]


def test_the_runtime_and_its_version_are_named(tmp_path: Path) -> None:
    from vitals.model.onnx_format import read_onnx

    from .onnx_graphs import write

    model = read_onnx(write(layer(1, None), tmp_path))
    assert model.runtime == f"ONNX Runtime {onnxruntime.__version__}"
    assert model.made_with == "pytorch 2.9"
