"""Outputs of ONNX graphs that can't be served: scores, several labels, no probabilities; each refused with its cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC, LinearSVC

from vitals.errors import ModelMismatch, VitalsError

from .onnx_exports import export, iris_of
from .onnx_graphs import answers, folder_of, graph, layer, table_of, weights


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
    table, rows, labels = iris_of(classes)
    with pytest.raises(ModelMismatch, match=cause):
        folder_of(export(model.fit(rows, labels), options), table, tmp_path)
    assert not (tmp_path / "served").exists()


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


def test_several_labels_a_row_are_refused(tmp_path: Path) -> None:
    model = graph(
        [("MatMul", ["X", "w"], ["scores"], {}), ("Greater", ["scores", "zero"], ["labels"], {})],
        {"X": ("float", (None, 4))},
        {"labels": ("bool", (None, 3))},
        {"w": weights(3), "zero": np.zeros(1, np.float32)},
    )
    with pytest.raises(ModelMismatch, match=r"several labels a row .* multi-label"):
        folder_of(model, table_of().assign(y=0), tmp_path)


def test_several_labels_a_row_are_refused_where_their_probabilities_happen_to_add_up_to_1(tmp_path: Path) -> None:
    table, rows, labels = iris_of(3)
    model = OneVsRestClassifier(LogisticRegression()).fit(rows, np.c_[labels == 0, labels > 0].astype(int))
    for zipmap in (True, False):
        with pytest.raises(ModelMismatch, match=r"several labels a row .* multi-label"):
            folder_of(export(model, {"zipmap": zipmap}), table, tmp_path)


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
