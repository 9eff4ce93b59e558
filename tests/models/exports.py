"""Models exported to ONNX by skl2onnx: with and without ZipMap, of one input and of one for each column, of every type."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from sklearn import ensemble, linear_model, neural_network, svm, tree
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .case import TARGET, Case, classifier, regressor
from .families import forest, logistic
from .tables import counts, eighths, mixed

Export = Callable[[Any, pd.DataFrame], bytes]


def together(kind: str = "Float", **options: Any) -> Export:
    """One tensor for all features."""

    def export(fitted: Any, features: pd.DataFrame) -> bytes:
        from skl2onnx import to_onnx
        from skl2onnx.common import data_types

        given = [("X", getattr(data_types, f"{kind}TensorType")([None, features.shape[1]]))]
        return bytes(to_onnx(fitted, initial_types=given, options=_of(fitted, options)).SerializeToString())

    return export


def by_column(numbers: str = "Float", whole: str = "Float", **options: Any) -> Export:
    """One input for each column, of its type."""

    def export(fitted: Any, features: pd.DataFrame) -> bytes:
        from skl2onnx import to_onnx
        from skl2onnx.common import data_types

        kinds = {"f": numbers, "i": whole, "O": "String"}
        given = [(name, getattr(data_types, f"{kinds[features[name].dtype.kind]}TensorType")([None, 1])) for name in features]
        return bytes(to_onnx(fitted, initial_types=given, options=_of(fitted, options)).SerializeToString())

    return export


def _of(fitted: Any, options: dict[str, Any]) -> dict[int, dict[str, Any]] | None:
    """Options belong to the classifier itself, which is a pipeline's last step."""
    steps = getattr(fitted, "steps", None)
    return {id(steps[-1][1] if steps else fitted): options} if options else None


def of_columns() -> pd.DataFrame:
    """What ONNX takes by column: numbers that float32 holds, text, and whole numbers."""
    table = mixed()[["age", "city", "code"]]
    return table.assign(age=(table["age"] * 8).round() / 8)


def _on_columns() -> Any:
    columns = make_column_transformer((StandardScaler(), ["age", "code"]), (OneHotEncoder(handle_unknown="ignore"), ["city"]))
    return make_pipeline(columns, logistic())


def _imputed() -> Any:
    return make_pipeline(SimpleImputer(), logistic())


def _scaled(final: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make_pipeline(StandardScaler(), final())


boosted = partial(ensemble.GradientBoostingClassifier, n_estimators=5, random_state=0)
plain = {"zipmap": False}


def _onnx(make: Callable[..., Case], name: str, estimator: Callable[[], Any], table: Any, *target: Any, **more: Any) -> Case:
    return make(f"ONNX-{name}", estimator, table, *target, saved="onnx", **more)


_class = partial(_onnx, classifier)
_value = partial(_onnx, regressor)
_arrays = {"by_array": True}

CASES: list[Case] = [
    _class("logistic-zipmap", logistic, eighths, 3, "text", export=together()),
    _class("logistic-tensor", logistic, eighths, 3, "text", export=together(**plain)),
    _class("logistic-integer_classes", logistic, eighths, 2, "integers", export=together(**plain), **_arrays),
    _class("logistic-negative_classes", logistic, eighths, 2, "negative", export=together()),
    _class("logistic-booleans", logistic, eighths, 2, "booleans", export=together(**plain)),
    _class("logistic-padded", logistic, eighths, 3, "padded", export=together(), reading={"dtype": {TARGET: str}}),
    _class("logistic-double", _scaled(logistic), eighths, 10, "text", export=together("Double", **plain)),
    _class("logistic-int64", logistic, counts, 3, "integers", export=together("Int64", **plain)),
    _class("logistic-int64_zipmap", logistic, counts, 3, "text", export=together("Int64")),
    _class("logistic-many", logistic, partial(eighths, 300), 50, "text", export=together()),
    _class("forest-zipmap", forest, eighths, 3, "text", export=together()),
    _class("forest-tensor", forest, partial(eighths, 300), 50, "integers", export=together(**plain), **_arrays),
    _class("forest-int64", forest, counts, 2, "text", export=together("Int64", **plain)),
    _class("tree-int64", partial(tree.DecisionTreeClassifier, max_depth=3), counts, 2, "integers", export=together("Int64")),
    _class("boosting", boosted, eighths, 2, "text", export=together(**plain)),
    _class("boosting-many", boosted, eighths, 10, "integers", export=together()),
    _class("MLP", _scaled(partial(neural_network.MLPClassifier, (8,), max_iter=30)), eighths, 3, "text", export=together()),
    _class("imputed_gaps", _imputed, partial(eighths, gaps=0.1), 3, "integers", export=together(**plain)),
    _class("columns", _on_columns, of_columns, 2, "text", export=by_column()),
    _class("columns-tensor", _on_columns, of_columns, 3, "integers", export=by_column(**plain)),
    _class("columns-int64", _on_columns, of_columns, 2, "text", export=by_column(whole="Int64", **plain)),
    _class("columns-double", _on_columns, of_columns, 10, "text", export=by_column("Double", "Double", **plain)),
    _value("linear", linear_model.LinearRegression, eighths, export=together(), **_arrays),
    _value("ridge-double", _scaled(linear_model.Ridge), eighths, export=together("Double")),
    _value("forest-regressor", partial(ensemble.RandomForestRegressor, 10, random_state=0), eighths, export=together()),
    _value("imputed_gaps-regressor", lambda: make_pipeline(SimpleImputer(), linear_model.Ridge()), partial(eighths, gaps=0.1),
           export=together()),
    _value("SVR", _scaled(svm.SVR), eighths, export=together()),
    _value("linear-int64", linear_model.LinearRegression, counts, export=together("Int64")),
]  # fmt: skip
