"""ONNX graphs that give numbers only: a classifier or a regression, by how the graph ends and what the data say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitals.bundle.model_card import OnnxOutput
from vitals.errors import DataError

from .onnx_graphs import answers, folder_of, layer, served_answers, table_of


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
    served = served_answers(tmp_path, table)
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
    served = served_answers(tmp_path, table)
    assert [one.predicted for one in served] == [str(name).lower() for name in table.y]
    assert np.allclose([(one.probabilities or ())[1] for one in served], expected, atol=1e-6)


def test_a_sigmoid_with_a_target_of_many_values_is_a_regression(tmp_path: Path) -> None:
    model, table = layer(1, "Sigmoid"), table_of()
    table["y"] = answers(model, table)[:, 0]
    made = folder_of(model, table, tmp_path)
    assert made.facts.output == OnnxOutput(kind="value", answer="out")
    assert [one.predicted for one in served_answers(tmp_path, table)] == pytest.approx(table.y.tolist(), abs=1e-6)


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
