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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from skops.io import dump as skops_dump

from .case import TARGET, Case
from .cases import CASES

GAPS_A_COLUMN = 3


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
        exported = case.export(fitted, features)
        (folder / "model.onnx").write_bytes(exported)
        _check_export(exported, fitted, features, _given(case, features))
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
        "gaps": _with_gaps(case, model, features),
        "with_gaps": [name for name in features if features[name].isna().any()],
    }
    if case.held_out:
        features, target = _read(case, folder / f"held_out.{case.file}")
        predicted = model.predict(_given(case, features))
    if classes is not None:
        told["accuracy"] = float(np.mean(np.asarray(predicted).ravel() == target.to_numpy()))
    return told


def _with_gaps(case: Case, model: Any, features: pd.DataFrame) -> list[dict[str, Any]]:
    """For each column some rows that lack it, each asked alone."""
    told = []
    for place, column in enumerate(features):
        for index in range(place, len(features), len(features) // GAPS_A_COLUMN + 1):
            row = features.iloc[[index]].copy()
            row[column] = _gap(features[column], case)
            one: dict[str, Any] = {"column": column, "row": _as_json(row)[0]}
            try:
                given = _given(case, row)
                one["predicted"] = _plain(np.asarray(model.predict(given)).ravel()[0])
                if hasattr(model, "predict_proba"):
                    one["probabilities"] = model.predict_proba(given)[0].tolist()
                    assert np.isfinite(one["probabilities"]).all()
            except Exception as wrong:
                one["raised"] = f"{type(wrong).__name__}: {wrong}"[:300]
            told.append(one)
    return told


def _gap(column: pd.Series[Any], case: Case) -> pd.Series[Any]:
    """One missing value, in the type that the column then has where this script's reader reads it."""
    kind = column.dtype
    if pd.api.types.is_extension_array_dtype(kind):
        return pd.Series([None], dtype=kind)
    if kind.kind in "Ob":
        return pd.Series([None if case.file == "parquet" else np.nan], dtype=object)
    return pd.Series([np.nan], dtype="float64" if kind.kind in "iu" else kind)


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


def _check_export(exported: bytes, fitted: Any, features: pd.DataFrame, given: Any) -> None:
    """The exported model says what the estimator says: else the case itself is wrong."""
    import onnxruntime

    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    types: dict[str, Any] = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
    inputs = session.get_inputs()
    columns: Sequence[Any] = [features] if len(inputs) == 1 else [features[[one.name]] for one in inputs]
    feed = {one.name: values.to_numpy().astype(types.get(one.type, object)) for one, values in zip(inputs, columns, strict=True)}
    first, *rest = session.run(None, feed)
    predicted = np.asarray(fitted.predict(given)).ravel()
    if not rest:
        np.testing.assert_allclose(np.ravel(first), predicted, rtol=1e-5)
        return
    assert [str(one) for one in np.ravel(first)] == [str(int(one) if isinstance(one, np.bool_) else one) for one in predicted]
    found = [list(one.values()) for one in rest[0]] if isinstance(rest[0], list) else rest[0]
    np.testing.assert_allclose(found, fitted.predict_proba(given), atol=1e-5)


if __name__ == "__main__":
    main()
