"""A property: whatever the table, the model and the batch, each row's answer is the one that the estimator gives it alone."""

from __future__ import annotations

import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from vitals.api.requests.rows import RowReader, Wrong
from vitals.cli import main
from vitals.model.served import ServedModel, load_model

from .answer_check import as_asked, class_name
from .case import TARGET
from .tables import with_target

KINDS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "number": lambda random, rows: random.normal(size=rows).round(2),
    "whole": lambda random, rows: random.integers(-3, 8, rows),
    "text": lambda random, rows: random.choice(["red", "green", "blue"], rows),
    "boolean": lambda random, rows: random.random(rows) < 0.5,
}
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller seed is no simpler table; looking for one takes minutes."""

TOLERANCE = 1e-5
"""That of ONNX Runtime: the profile chooses between it and scikit-learn."""


def _of_text_and_numbers(table: pd.DataFrame, encoder: Any, final: Any, *, whole_as_text: bool = False) -> Any:
    """Numbers filled and scaled, everything else encoded."""
    whole = [name for name in table if table[name].dtype.kind == "i"]
    named = [name for name in table if table[name].dtype.kind in "Ob"]
    rest = [name for name in table if name not in named and not (whole_as_text and name in whole)]
    text = FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": str})
    steps: list[Any] = [(make_pipeline(SimpleImputer(), StandardScaler()), rest), (encoder, named)]
    if whole_as_text:
        steps.append((make_pipeline(text, OneHotEncoder(handle_unknown="ignore")), whole))
    return make_pipeline(make_column_transformer(*(one for one in steps if one[1]), sparse_threshold=0), final)


def _one_hot() -> Any:
    return OneHotEncoder(handle_unknown="ignore")


def _ordinal() -> Any:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


PIPELINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "logistic": lambda table: _of_text_and_numbers(table, _one_hot(), LogisticRegression(max_iter=300)),
    "logistic of whole numbers as text": lambda table: _of_text_and_numbers(
        table, _one_hot(), LogisticRegression(max_iter=300), whole_as_text=True
    ),
    "forest": lambda table: _of_text_and_numbers(table, _ordinal(), RandomForestClassifier(4, random_state=0)),
    "tree": lambda table: _of_text_and_numbers(table, _one_hot(), DecisionTreeClassifier(max_depth=4, random_state=0)),
    "boosting": lambda table: _of_text_and_numbers(
        table, _one_hot(), HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5)
    ),
}


def table_of(seed: int) -> pd.DataFrame:
    """Two to five columns of random kinds, numbers and whole numbers among them, some with gaps; two to six classes."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(60, 90))
    kinds = ["number", "whole", *random.choice(list(KINDS), random.integers(0, 4))]
    table = pd.DataFrame({f"{kind} {place}": KINDS[kind](random, rows) for place, kind in enumerate(kinds)})
    for name in table:
        if random.random() < 0.3:
            table[name] = table[name].astype(object).mask(random.random(rows) < 0.15)
    return with_target(table, int(random.integers(2, 7)), str(random.choice(["text", "integers", "floats"])))


@pytest.mark.parametrize("pipeline", list(PIPELINES))
@settings(max_examples=6, deadline=None, print_blob=True, phases=UNSHRUNK, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_row_is_answered_in_any_batch_as_alone(pipeline: str, seed: int, data: st.DataObject) -> None:
    """Beside any other rows, in any order, with any allowed gap."""
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(scratch)
        table_of(seed).to_csv(folder / "data.csv", index=False)
        features = pd.read_csv(folder / "data.csv")
        target = features.pop(TARGET)
        model = PIPELINES[pipeline](features).fit(features, target)
        (folder / "model.pickle").write_bytes(pickle.dumps(model))
        served = _profiled(folder, patch)
        allowed = {one.name: one.missing_allowed for one in served.profile.features}
        refused = [name for name in features if features[name].isna().any() and not allowed[name]]
        assert not refused, f"gaps are in the data, and not allowed: {refused}"
        gaps = st.sets(st.sampled_from([name for name in features if allowed[name]] or [""]), max_size=2)
        one = st.tuples(st.integers(0, len(features) - 1), gaps)
        for _ in range(3):
            batch = data.draw(st.lists(one, min_size=1, max_size=12))
            asked = [_row(features, index, missing - {""}) for index, missing in batch]
            for alone, outcome in zip(asked, served.predict(_read(served, asked)), strict=True):
                assert outcome.predicted == class_name(model.predict(alone)[0]), (alone.to_dict(), len(batch))
                np.testing.assert_allclose(outcome.probabilities, model.predict_proba(alone)[0], atol=TOLERANCE)


def _profiled(folder: Path, patch: pytest.MonkeyPatch) -> ServedModel:
    """`vitals profile`, in this process; then the model as the service loads it."""
    given = {"--model": "model.pickle", "--data": "data.csv", "--out": "served"}
    options = [part for option, name in given.items() for part in (option, str(folder / name))]
    patch.setenv("VITALS_ENV_FILE", "/dev/null")
    patch.setattr(sys, "argv", ["vitals", "profile", *options, "--target", TARGET, "--unsafe-pickle", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return load_model(folder / "served", allow_pickle=True)


def _row(features: pd.DataFrame, index: int, missing: set[str]) -> pd.DataFrame:
    """One row alone, of the columns' types; a gap makes a float of a whole number, and an object of true and false."""
    row = features.iloc[[index]].copy()
    for name in missing:
        kind = features[name].dtype
        row[name] = pd.Series([np.nan], index=row.index, dtype=object if kind.kind in "Ob" else "float64")
    return row


def _read(served: ServedModel, asked: list[pd.DataFrame]) -> list[Any]:
    """Rows as the service reads them from JSON."""
    reader, wrong = RowReader(served.profile), Wrong()
    features = {one.name: {"kind": one.kind} for one in served.profile.features}
    rows = []
    for row in asked:
        values = {name: row[name].astype(object).tolist()[0] for name in row}
        plain = {name: None if value != value else value for name, value in values.items()}
        rows.append(reader.read(as_asked(plain, features), "features", wrong))
    wrong.raise_if_any()
    return rows
