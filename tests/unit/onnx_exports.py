"""ONNX graphs that skl2onnx makes of scikit-learn's classifiers, and rows of irises to fit those on."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_iris

from .onnx_graphs import FEATURES


def iris_of(classes: int) -> tuple[pd.DataFrame, Any, Any]:
    rows, labels = load_iris(return_X_y=True)
    rows, labels = rows[labels < classes].astype(np.float32), labels[labels < classes]
    return pd.DataFrame(rows.astype(np.float64), columns=FEATURES).assign(y=labels), rows, labels


def export(model: ClassifierMixin, options: dict[str, Any] | None) -> onnx.ModelProto:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    given = {id(model): options} if options else None
    return to_onnx(model, initial_types=[("X", FloatTensorType([None, 4]))], options=given)
