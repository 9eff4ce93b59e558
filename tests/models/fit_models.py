"""A team's own script: write the data, fit the model, save it, and say what it answers. It knows nothing of the service.

    python -m tests.models.fit_models CASE FOLDER

What it answers comes from the saved files alone: `pickle.load`, `read_csv` or `read_parquet`, `predict` and `predict_proba`.
Into FOLDER go the model, the data, and `answers.json`: each row of the data, and rows with one gap more, as JSON has them, with
the class and the probabilities, or the value; `raised` where the model can't answer the row.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from skops.io import dump as skops_dump

from .case import TARGET, Case
from .cases import CASES

GAPS_A_COLUMN = 3

Ask = Callable[[pd.DataFrame], tuple[list[Any], list[list[float]] | None]]
"""From rows to what is predicted, and to the classes' probabilities where there are some."""


def main() -> None:
    """Fit the case that the command line names, and write everything into its folder."""
    warnings.simplefilter("ignore")
    name, folder = sys.argv[1:]
    write(CASES[name], Path(folder))
    assert not any(module.split(".")[0] == "vitals" for module in sys.modules), "the script knows the service"


def write(case: Case, folder: Path) -> None:
    """Write model, data and answers of `case` into `folder`."""
    folder.mkdir(parents=True)
    table = case.table()
    if case.held_out:
        _write_table(case, table.iloc[::4], folder / f"held_out.{case.file}")
        table = table.drop(table.index[::4])
    _write_table(case, table, folder / f"data.{case.file}")
    features, target = _read(case, folder / f"data.{case.file}")
    fitted = case.estimator().fit(_given(case, features), target)
    (folder / "own.pickle").write_bytes(pickle.dumps(fitted))
    if case.saved == "pickle":
        (folder / "model.pickle").write_bytes(pickle.dumps(fitted))
    elif case.saved == "skops":
        skops_dump(fitted, folder / "model.skops")
    else:
        assert case.export is not None
        (folder / "model.onnx").write_bytes(case.export(fitted, features))
    (folder / "answers.json").write_text(json.dumps(_answers(case, folder)))


def _answers(case: Case, folder: Path) -> dict[str, Any]:
    with (folder / "own.pickle").open("rb") as file:
        model = pickle.load(file)  # noqa: S301  (this script wrote it)
    features, target = _read(case, folder / f"data.{case.file}")
    predicted = model.predict(_given(case, features))
    classes = model.classes_ if hasattr(model, "predict_proba") else None
    told: dict[str, Any] = {
        "classes": None if classes is None else [_plain(one) for one in classes],
        "rows": _as_json(features),
        "predicted": [_plain(one) for one in np.asarray(predicted).ravel()],
        "probabilities": None if classes is None else model.predict_proba(_given(case, features)).tolist(),
        "with_gaps": [name for name in features if features[name].isna().any()],
    }
    asked = _of_estimator(case, model)
    if case.saved == "onnx":
        exported = Exported((folder / "model.onnx").read_bytes(), told["classes"])
        _check_export(told, exported, features)
        asked = exported.ask  # an estimator that knows no gaps may be exported to a model that answers them
    told["gaps"] = _with_gaps(case, asked, features)
    if case.held_out:
        features, target = _read(case, folder / f"held_out.{case.file}")
        predicted = model.predict(_given(case, features))
    if classes is not None:
        told["accuracy"] = float(np.mean(np.asarray(predicted).ravel() == target.to_numpy()))
    return told


def _of_estimator(case: Case, model: Any) -> Ask:
    def ask(features: pd.DataFrame) -> tuple[list[Any], list[list[float]] | None]:
        given = _given(case, features)
        predicted = [_plain(one) for one in np.asarray(model.predict(given)).ravel()]
        return predicted, model.predict_proba(given).tolist() if hasattr(model, "predict_proba") else None

    return ask


def _with_gaps(case: Case, ask: Ask, features: pd.DataFrame) -> list[dict[str, Any]]:
    """For each column some rows that lack it, each asked alone."""
    told = []
    for place, column in enumerate(features):
        for index in range(place, len(features), len(features) // GAPS_A_COLUMN + 1):
            row = features.iloc[[index]].copy()
            row[column] = _gap(features[column], case, row.index)
            one: dict[str, Any] = {"column": column, "row": _as_json(row)[0]}
            try:
                predicted, probabilities = ask(row)
                one["predicted"] = predicted[0]
                if probabilities is not None:
                    one["probabilities"] = probabilities[0]
                assert np.isfinite(probabilities[0] if probabilities is not None else predicted[0]).all()
            except Exception as wrong:  # whatever libraries raise for a row that they can't take
                one["raised"] = f"{type(wrong).__name__}: {wrong}"[:300]
            told.append(one)
    return told


def _gap(column: pd.Series[Any], case: Case, index: pd.Index[Any]) -> pd.Series[Any]:
    """One missing value, in the type that the column then has where this script's reader reads it."""
    kind = column.dtype
    if pd.api.types.is_extension_array_dtype(kind):
        return pd.Series([None], index, dtype=kind)
    if kind.kind in "Ob":
        return pd.Series([None if case.file == "parquet" else np.nan], index, dtype=object)
    return pd.Series([np.nan], index, dtype="float64" if kind.kind in "iu" else kind)


def _write_table(case: Case, table: pd.DataFrame, path: Path) -> None:
    if case.file == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)


def _read(case: Case, path: Path) -> tuple[pd.DataFrame, pd.Series[Any]]:
    read = pd.read_csv if case.file == "csv" else pd.read_parquet
    table = read(path, **case.reading)
    return case.prepare(table.drop(columns=TARGET)), table[TARGET]


def _given(case: Case, features: pd.DataFrame) -> Any:
    return features.to_numpy() if case.by_array else features


def _as_json(features: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as a client writes them."""
    return [
        {str(name): _plain(value) for name, value in zip(features, row, strict=True)}
        for row in zip(*(features[name].astype(object) for name in features), strict=True)
    ]


def _plain(value: Any) -> Any:
    """A value of Python's own types; None where there is none."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain is None or plain is pd.NA or plain != plain else plain


class Exported:
    """An ONNX model, asked by ONNX Runtime itself."""

    def __init__(self, content: bytes, classes: Sequence[Any] | None) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        # ONNX knows no booleans as labels: they are 0 and 1.
        self._classes = {str(int(one) if isinstance(one, bool) else one): one for one in classes or ()}

    def ask(self, features: pd.DataFrame) -> tuple[list[Any], list[list[float]] | None]:
        """Predicted classes and their probabilities, or values and None."""
        inputs = self._session.get_inputs()
        parts = [features] if len(inputs) == 1 else [features[[one.name]] for one in inputs]
        feed = {one.name: _tensor(part, one.type) for one, part in zip(inputs, parts, strict=True)}
        first, *rest = self._session.run(None, feed)
        if not rest:
            return [float(one) for one in np.ravel(first)], None
        probabilities = [list(one.values()) for one in rest[0]] if isinstance(rest[0], list) else rest[0].tolist()
        return [self._classes[str(one)] for one in np.ravel(first)], probabilities


def _tensor(part: pd.DataFrame, kind: str) -> Any:
    """Raises ValueError where a missing value has no place in it."""
    if part.isna().any(axis=None) and kind not in ("tensor(float)", "tensor(double)"):
        raise ValueError(f"a {kind} holds no missing value")
    types: dict[str, Any] = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
    return part.to_numpy().astype(types.get(kind, object))


def _check_export(told: dict[str, Any], exported: Exported, features: pd.DataFrame) -> None:
    """The exported model says what the estimator says: else the case itself is wrong."""
    predicted, probabilities = exported.ask(features)
    if probabilities is None:
        np.testing.assert_allclose(predicted, told["predicted"], rtol=1e-5)
    else:
        assert predicted == told["predicted"]
        np.testing.assert_allclose(probabilities, told["probabilities"], atol=1e-5)


if __name__ == "__main__":
    main()
