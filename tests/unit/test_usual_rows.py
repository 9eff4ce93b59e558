"""The short way for rows of nothing but floats gives what the long way gives, and leaves everything else to it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.api.requests.rows import RowReader, Wrong
from vitals.bundle.bins import LARGEST
from vitals.bundle.folder import read_folder
from vitals.bundle.schema import Profile
from vitals.errors import InvalidInput

NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width")

values = st.one_of(
    st.floats(),
    st.sampled_from([LARGEST, -LARGEST, math.nextafter(LARGEST, math.inf), math.inf, math.nan, -0.0, 1, 0, True, None, "5.1"]),
)


def _read(reader: RowReader, row: Any) -> Any:
    wrong = Wrong()
    try:
        found = reader.read(row, "features", wrong)
        wrong.raise_if_any()
    except InvalidInput as refused:
        return [(one.field, one.reason, one.message) for one in refused.fields], dict(refused.counted)
    return [(type(one), repr(one)) for one in found]


@pytest.fixture(scope="module")
def profile(model_folder: Path) -> Profile:
    return read_folder(model_folder).profile


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(row=st.dictionaries(st.sampled_from([*NAMES, "another"]), values, max_size=5), reverse=st.booleans())
def test_both_ways_agree(profile: Profile, row: dict[str, Any], reverse: bool) -> None:
    _agree(profile, dict(reversed(row.items())) if reverse else row)


@settings(max_examples=200, deadline=None)
@given(st.tuples(values, values, values, values))
def test_both_ways_agree_where_all_are_there(profile: Profile, row: tuple[Any, ...]) -> None:
    _agree(profile, dict(zip(NAMES, row, strict=True)))


def _agree(profile: Profile, row: dict[str, Any]) -> None:
    usual, long = RowReader(profile), RowReader(profile)
    assert usual._all_floats
    long._all_floats = False
    assert _read(usual, row) == _read(long, row)
