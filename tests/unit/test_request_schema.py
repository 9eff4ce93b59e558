"""What the OpenAPI document allows, the reader of rows takes, and the other way round: for any profile and any row."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import assume, given
from hypothesis import strategies as st

from vitals.api.requests.column_values import LONGEST_CATEGORY
from vitals.api.requests.request_schema import add_request_schemas
from vitals.api.requests.rows import RowReader, Wrong
from vitals.bundle.schema import Feature, Profile
from vitals.bundle.whole_numbers import EXACT_BELOW
from vitals.errors import InvalidInput

from .json_schema import fits
from .reference import CODE, ISLAND, NUMBER, NUMBERS, TAGGED

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)  # half of a surrogate pair is no Unicode text
NUMBERS_AT_LIMITS = st.sampled_from([2**bits + more for bits in (7, 8, 31, 32, 53, 63, 64) for more in (-1, 0, 1)])
INTEGERS = st.integers(-5, 5) | NUMBERS_AT_LIMITS | NUMBERS_AT_LIMITS.map(lambda number: -number) | st.integers(-(10**31), 10**31)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5).map(float) | st.sampled_from([1e30, 1.1e30, -1e31])
LONG = st.sampled_from(["x" * length for length in (LONGEST_CATEGORY - 1, LONGEST_CATEGORY, LONGEST_CATEGORY + 1)])
VALUES = st.none() | st.booleans() | INTEGERS | FLOATS | TEXT | LONG | st.lists(st.integers(), max_size=1)
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


def schemas_of(profile: Profile) -> dict[str, Any]:
    app = FastAPI()
    add_request_schemas(app, profile, instances_max=3)
    schemas: dict[str, Any] = app.openapi()["components"]["schemas"]
    return schemas


def rows(profile: Profile) -> st.SearchStrategy[Any]:
    """Rows of any values, most often of the features' own categories, in whichever form."""
    own = [category for one in profile.features for category in one.categories]
    forms = [form for one in own for form in (one, str(one), *([float(one)] if isinstance(one, int) else []))]
    value = VALUES | st.sampled_from(forms) if forms else VALUES
    names = st.sampled_from([*(one.name for one in profile.features), *(one.name for one in profile.features), "unknown"])
    whole = st.fixed_dictionaries({one.name: value for one in profile.features})
    return whole | st.dictionaries(names, value, max_size=4) | st.lists(value, max_size=1) | value


@given(st.data())
def test_a_row_is_taken_where_the_schema_allows_it(data: st.DataObject) -> None:
    profile = profile_of(data.draw(st.lists(FEATURES, min_size=1, max_size=3)))
    row = data.draw(rows(profile))
    if isinstance(row, dict):
        # A schema can't tell 2.0^53 from 2^53: as a category the float is refused, since it may stand for several.
        assume(not any(_inexact(profile, name, value) for name, value in row.items()))
    schemas = schemas_of(profile)
    assert taken(profile, row) == fits(row, schemas["Features"], schemas)


def _inexact(profile: Profile, name: str, value: Any) -> bool:
    kinds = {one.name: one.kind for one in profile.features}
    return kinds.get(name) == "categorical" and isinstance(value, float) and abs(value) >= EXACT_BELOW


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("base", [NUMBER, TAGGED, ISLAND, CODE])
def test_a_gap(base: Feature, allowed: bool) -> None:
    profile = profile_of([base.model_copy(update={"missing_allowed": allowed}), TAGGED])
    schemas = schemas_of(profile)
    for row in ({"f1": True}, {"f0": None, "f1": True}):
        assert taken(profile, row) == fits(row, schemas["Features"], schemas) == allowed


def test_the_example_of_a_body_fits() -> None:
    schemas = schemas_of(profile_of([NUMBER, ISLAND, TAGGED, CODE]))
    body = schemas["PredictRequest"]
    assert fits(body["example"], body, schemas)
    row = body["example"]["features"]
    assert [fits({"instances": [row] * count}, body, schemas) for count in (0, 1, 3, 4)] == [False, True, True, False]
    assert not fits({"features": row, "instances": [row]}, body, schemas)
