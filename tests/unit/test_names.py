"""Names of features, classes and categories, as people have them: served, or refused with a sentence and never a traceback."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from vitals.bundle.schema import LONGEST_NAME
from vitals.errors import DataError
from vitals.model.served import load_model
from vitals.profiling.bundle import Card, Made, Reference, make_folder
from vitals.profiling.reading.names import check_categories, check_classes, check_features

_ROWS = np.random.default_rng(1).normal(size=(80, 2))
_LEFT = _ROWS[:, 0] > 0

_WORKING = [
    "x" * 140,
    "é" * LONGEST_NAME,
    " spaces before and behind ",
    "a 'quoted' \"name\"",
    "back\\slash",
    "emoji 🙂",
    "👩‍🔬",
    "名前",
    "features",
    "instances",
    "__class__",
    "model_config",
    "a.b",
    "a/b",
    "{braces}",
    "[bold]",
    "100%",
    "no-break\u00a0space",
]
_REFUSED = [
    ("x" * (LONGEST_NAME + 1), "it has 201 characters, and a name has 200 at most"),
    ("two\nlines", r"'two\\nlines'.*no line breaks, tabs or other control characters"),
    ("a\ttab", "no line breaks, tabs"),
    ("a\rreturn", "no line breaks, tabs"),
    ("a\x00nul", r"'a\\x00nul'"),
    ("an\x1bescape", "control characters"),
    ("c1\x85", "control characters"),
    ("line\u2028separator", "line breaks"),
    ("half\ud800", "half of a surrogate pair"),
    ("", "one character or more"),
]


def _make(tmp_path: Path, table: pd.DataFrame, target: str = "the target", model: Any = None) -> Made:
    fitted = model or LogisticRegression().fit(table.drop(columns=target), table[target])
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(fitted))
    made = make_folder(path, Reference(table, target), Card("names"), tmp_path / "served", allow_pickle=True)
    assert load_model(made.folder, allow_pickle=True).profile == made.profile
    return made


def _with_feature(name: Any) -> pd.DataFrame:
    return pd.DataFrame({name: _ROWS[:, 0], "other": _ROWS[:, 1], "the target": np.where(_LEFT, "yes", "no")})


@pytest.mark.slow
@pytest.mark.parametrize("name", _WORKING)
def test_a_feature_may_be_called_so(tmp_path: Path, name: str) -> None:
    made = _make(tmp_path, _with_feature(name))
    assert [feature.name for feature in made.profile.features] == [name, "other"]


@pytest.mark.parametrize(("name", "said"), [*_REFUSED, ("(body)", "refusals are counted"), ("(unknown)", "refusals are counted")])
def test_a_feature_may_not_be_called_so(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError, match=f"The feature .*{said}.*Rename it") as raised:
        _make(tmp_path, _with_feature(name))
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "served").exists()


@pytest.mark.slow
def test_names_that_are_numbers_are_their_digits(tmp_path: Path) -> None:
    table = pd.DataFrame({0: _ROWS[:, 0], 1: _ROWS[:, 1], "the target": np.where(_LEFT, "yes", "no")})
    made = _make(tmp_path, table, model=LogisticRegression().fit(_ROWS, table["the target"]))
    assert [feature.name for feature in made.profile.features] == ["0", "1"]


def test_names_that_are_equal_as_text_are_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({0: _ROWS[:, 0], "0": _ROWS[:, 1], "the target": np.where(_LEFT, "yes", "no")})
    with pytest.raises(DataError, match="Two columns have the same name '0' once they are text"):
        _make(tmp_path, table, model=LogisticRegression().fit(_ROWS, table["the target"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", _WORKING)
def test_a_class_may_be_called_so(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"a": _ROWS[:, 0], "b": _ROWS[:, 1], "the target": np.where(_LEFT, name, "no")})
    assert set(_make(tmp_path, table).profile.classes) == {name, "no"}


@pytest.mark.parametrize(("name", "said"), _REFUSED)
def test_a_class_may_not_be_called_so(tmp_path: Path, name: str, said: str) -> None:
    target = np.where(_LEFT, "no", None).astype(object)
    target[~_LEFT] = name
    table = pd.DataFrame({"a": _ROWS[:, 0], "b": _ROWS[:, 1], "the target": target})
    model = LogisticRegression().fit(table[["a", "b"]], np.where(_LEFT, "no", "yes"))
    model.classes_ = np.array(["no", name], dtype=object)
    with pytest.raises(DataError, match=said) as raised:
        _make(tmp_path, table, model=model)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", _WORKING)
def test_a_category_may_be_called_so(tmp_path: Path, name: str) -> None:
    made = _make(tmp_path, *_with_category(name))
    assert made.profile.features[1].categories[0] in (name, "Bern")
    assert name in made.profile.features[1].categories


@pytest.mark.parametrize(
    ("name", "said"), [*_REFUSED, *[(f"({one})", "can't be one") for one in ("missing", "unseen", "other", "below", "above")]]
)
def test_a_category_may_not_be_called_so(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError, match=f"Column 'city' has the category .*{said}") as raised:
        _make(tmp_path, *_with_category(name))
    assert "\n" not in str(raised.value)


def _with_category(name: str) -> tuple[pd.DataFrame, str, Any]:
    city = np.where(_LEFT, "Bern", None).astype(object)
    city[~_LEFT] = name
    table = pd.DataFrame({"a": _ROWS[:, 0], "city": city, "the target": np.where(_ROWS[:, 1] > 0, "yes", "no")})
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression()).fit(table[["a", "city"]], table["the target"])
    return table, "the target", model


def test_classes_that_are_equal_as_text_are_refused() -> None:
    with pytest.raises(DataError, match="Two classes of 'y' have the same name 'true'"):
        check_classes(("true", "true"), "y")


def test_a_class_is_not_called_as_a_bin() -> None:
    with pytest.raises(DataError, match=r"The class '\(other\)' of 'y' can't be served: the names"):
        check_classes(("(other)", "no"), "y")


@given(st.text(max_size=250))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_one_rule_holds_for_every_text(name: str) -> None:
    """What is a feature's name is a class's and a category's, too, but for the words that each keeps for itself."""

    said = {_refusal(check_features, [name]), _refusal(check_classes, [name], "y"), _refusal(check_categories, "c", [name])}
    assert len({one is None for one in said}) == 1
    for one in said - {None}:
        assert one is not None
        assert not set(one) & set("\n\r\t\x00\x85\u2028\u2029")
        assert one.encode()


def _refusal(check: Any, *given: Any) -> str | None:
    try:
        check(*given)
    except DataError as wrong:
        return str(wrong)
    return None
