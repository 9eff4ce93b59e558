"""ONNX models of unusual form: served rightly, or refused with what they are. It knows nothing of the service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import linear_model, svm

from .case import TARGET
from .tables import eighths
from .wrong_models import Wrong, features_of, table


def _exported(
    make: Callable[[], Any], *, rows: int | None = None, classes: int = 2, kind: str = "Float", **options: Any
) -> Callable[[Path], None]:
    """By skl2onnx, of one input for all features."""

    def write(folder: Path) -> None:
        from skl2onnx import to_onnx
        from skl2onnx.common import data_types

        data = table(classes)
        data[list("abcd")] = eighths()
        model = make().fit(features_of(data).to_numpy(), data[TARGET])
        given = [("X", getattr(data_types, f"{kind}TensorType")([rows, 4]))]
        exported = to_onnx(model, initial_types=given, options={id(model): options} if options else None)
        (folder / "model.onnx").write_bytes(exported.SerializeToString())
        data.to_csv(folder / "data.csv", index=False)

    return write


def _network(
    outputs: int, activation: str | None, *, shape: tuple[Any, ...] = ("n", 4), external: bool = False, kind: str = "FLOAT"
) -> Callable[[Path], None]:
    """One layer, as other libraries export it: no labels, one tensor."""

    def write(folder: Path) -> None:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        random = np.random.default_rng(14)
        of = getattr(TensorProto, kind)
        type_of = helper.tensor_dtype_to_np_dtype(of)
        weights = numpy_helper.from_array(random.normal(size=(shape[-1], outputs)).astype(type_of), "weights")
        last = {"Softmax": {"axis": 1}}.get(activation or "", {})
        nodes = [
            helper.make_node("MatMul", ["X", "weights"], ["sum"]),
            helper.make_node(activation or "Identity", ["sum"], ["out"], **last),
        ]
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("X", of, list(shape))],
            [helper.make_tensor_value_info("out", of, [*shape[:-1], outputs])],
            [weights],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        onnx.save(model, str(folder / "model.onnx"), save_as_external_data=external, size_threshold=0)
        features = eighths()
        sums = features.to_numpy() @ numpy_helper.to_array(weights).astype(float)[:4]
        named = np.array(["cat", "cow", "dog"])[sums.argmax(axis=1)] if outputs > 1 else (sums[:, 0] > 0).astype(int)
        features.assign(**{TARGET: named}).to_csv(folder / "data.csv", index=False)

    return write


def _bytes_of_text(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"this is no model")
    table().to_csv(folder / "data.csv", index=False)


logistic = linear_model.LogisticRegression
SCORES = (("raw score", "scores", "no probabilit", "not probabilit"),)

WRONG_EXPORTS: dict[str, Wrong] = {
    "raw scores, two classes": Wrong(_exported(logistic, raw_scores=True, zipmap=False), SCORES),
    "raw scores, ZipMap": Wrong(_exported(logistic, raw_scores=True), SCORES),
    "raw scores, three classes": Wrong(_exported(logistic, classes=3, raw_scores=True), SCORES),
    "LinearSVC": Wrong(_exported(svm.LinearSVC), SCORES),
    "SVC without probabilities": Wrong(_exported(svm.SVC), SCORES),
    "SVC without probabilities, three classes": Wrong(_exported(svm.SVC, classes=3), SCORES),
    "a batch of one row": Wrong(_exported(logistic, rows=1, zipmap=False), ("batch",), may_pass=True),
    "a batch of one row, ZipMap": Wrong(_exported(logistic, rows=1), ("batch",), may_pass=True),
    "a batch of 16 rows": Wrong(_exported(logistic, rows=16, zipmap=False), ("batch",)),
    "sigmoid of one column": Wrong(_network(1, "Sigmoid"), (("probabilit", "label"),), may_pass=True),
    "softmax without labels": Wrong(_network(3, "Softmax"), (("label",), ("probabilit", "classif")), may_pass=True),
    "logits without labels": Wrong(_network(3, None), (("label", "logit", "several values", "3 values", "3 outputs"),)),
    "weights in another file": Wrong(_network(1, "Sigmoid", external=True), (("external", "another file", "other file"),)),
    "an image": Wrong(_network(3, "Softmax", shape=("n", 3, 4)), (("dimension", "shape", "rank"),)),
    "half precision": Wrong(_network(3, "Softmax", kind="FLOAT16"), ("float16",), may_pass=True),
    "no model": Wrong(_bytes_of_text, ("model.onnx", "ONNX")),
}
