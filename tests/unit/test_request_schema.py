"""What the OpenAPI document allows, the reader of rows takes, and the other way round: for any profile and any row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vitals.api.requests.column_values import LONGEST_CATEGORY
from vitals.api.requests.request_schema import request_schemas
from vitals.api.requests.rows import RowReader, Wrong
from vitals.bundle.schema import Feature, Profile
from vitals.bundle.whole_numbers import EXACT_BELOW
from vitals.errors import InvalidInput

from .json_schema import fits
from .reference import CODE, ISLAND, NUMBER, NUMBERS, TAGGED

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)  # half of a surrogate pair is no Unicode text
POWERS = [2**bits + more for bits in (7, 8, 15, 16, 31, 32, 53, 63, 64) for more in (-1, 0, 1)]
LIMITS: list[Any] = [
    *(None, True, False, 0, 1, -1, 0.5, 1.0, -0.0, "", "1", "1.0", "true", [], [1], {}, 10**30, 10**30 + 1, -(10**31)),
    *(sign * power for power in POWERS for sign in (1, -1)),
    *(sign * float(power) for power in POWERS for sign in (1, -1)),
    *(sign * size for size in (1e30, 1.0000001e30, 1e300) for sign in (1, -1)),
    *("x" * length for length in (LONGEST_CATEGORY - 1, LONGEST_CATEGORY, LONGEST_CATEGORY + 1)),
]
"""Values on both sides of every limit that a feature can have."""

VALUES = st.sampled_from(LIMITS) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
TYPES = st.sampled_from(["", "float64", "int8", "uint8", "int32", "int64", "uint64", "Int64", "bool", "object"])
CATEGORIES = st.lists(TEXT.filter(bool) | st.integers(-(2**63), 2**63 - 1), max_size=5, unique=True).map(tuple)
OPTIONAL = {"missing_allowed": st.booleans(), "unseen_allowed": st.booleans()}


def feature(base: Feature, **drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Feature]:
    return st.fixed_dictionaries({**drawn, **OPTIONAL}).map(lambda changes: base.model_copy(update=changes))


FEATURES = (
    feature(NUMBER, dtype=TYPES, whole=st.booleans())
    | feature(TAGGED)
    | feature(ISLAND, categories=CATEGORIES)
    | feature(CODE, categories=CATEGORIES)
)


def profile_of(features: list[Feature]) -> Profile:
    named = [one.model_copy(update={"name": f"f{number}"}) for number, one in enumerate(features)]
    return NUMBERS.model_copy(update={"features": tuple(named)})


def taken(profile: Profile, row: Any) -> bool:
    wrong = Wrong()
    try:
        RowReader(profile).read(row, "features", wrong)
        wrong.raise_if_any()
    except InvalidInput:
        return False
    return True


def forms(feature: Feature) -> list[Any]:
    """Its own categories, in whichever form a client may write them."""
    return [form for one in feature.categories for form in (one, str(one), *([float(one)] if isinstance(one, int) else []))]


@settings(max_examples=50)  # each is some hundred values
@given(FEATURES, st.lists(VALUES, max_size=3))
def test_a_value_is_taken_where_the_schema_allows_it(feature: Feature, drawn: list[Any]) -> None:
    profile = profile_of([feature])
    schemas = request_schemas(profile, instances_max=3)
    for value in [*LIMITS, *forms(feature), *drawn]:
        if not _inexact(profile, "f0", value):
            allowed = fits({"f0": value}, schemas["Features"], schemas)
            assert taken(profile, {"f0": value}) == allowed, f"{value!r}: the schema says {allowed}"


def rows(profile: Profile) -> st.SearchStrategy[Any]:
    names = st.sampled_from([*(one.name for one in profile.features), "unknown"])
    values = {one.name: VALUES | st.sampled_from([one.example, *forms(one)]) for one in profile.features}
    return st.fixed_dictionaries(values) | st.dictionaries(names, VALUES, max_size=4) | st.lists(VALUES, max_size=1) | VALUES


@settings(max_examples=50)
@given(st.data())
def test_a_row_is_taken_where_the_schema_allows_it(data: st.DataObject) -> None:
    profile = profile_of(data.draw(st.lists(FEATURES, min_size=1, max_size=3)))
    row = data.draw(rows(profile))
    if isinstance(row, dict):
        assume(not any(_inexact(profile, name, value) for name, value in row.items()))
    schemas = request_schemas(profile, instances_max=3)
    assert taken(profile, row) == fits(row, schemas["Features"], schemas)


def _inexact(profile: Profile, name: str, value: Any) -> bool:
    """A schema can't tell 2^53 as a float from the whole number: as a category it is refused, since it may stand for several."""
    kinds = {one.name: one.kind for one in profile.features}
    return kinds.get(name) == "categorical" and isinstance(value, float) and abs(value) >= EXACT_BELOW


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("base", [NUMBER, TAGGED, ISLAND, CODE])
def test_a_gap(base: Feature, allowed: bool) -> None:
    profile = profile_of([base.model_copy(update={"missing_allowed": allowed}), TAGGED])
    schemas = request_schemas(profile, instances_max=3)
    for row in ({"f1": True}, {"f0": None, "f1": True}):
        assert taken(profile, row) == fits(row, schemas["Features"], schemas) == allowed


def test_the_example_of_a_body_fits() -> None:
    schemas = request_schemas(profile_of([NUMBER, ISLAND, TAGGED, CODE]), instances_max=3)
    body = schemas["PredictRequest"]
    assert fits(body["example"], body, schemas)
    row = body["example"]["features"]
    assert [fits({"instances": [row] * count}, body, schemas) for count in (0, 1, 3, 4)] == [False, True, True, False]
    assert not fits({"features": row, "instances": [row]}, body, schemas)
