"""Numbers and categories in requests, as the type of the model's column says: exact, or refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from vitals.api.prediction_service import _short
from vitals.api.requests.request_schema import add_request_schemas
from vitals.api.requests.rows import RowReader, Wrong
from vitals.api.v2.tensors import inputs_of
from vitals.bundle.bins import bin_of
from vitals.bundle.schema import Feature, Profile
from vitals.errors import InvalidInput
from vitals.monitoring.validation import possible_failures

from .reference import CODE, ISLAND, NUMBER, NUMBERS

BIG = 2**53 + 1


def profile_of(*features: Feature) -> Profile:
    return NUMBERS.model_copy(update={"features": features})


def number(**changes: Any) -> Feature:
    return NUMBER.model_copy(update={"name": "x", **changes})


def read(feature: Feature, written: str) -> Any:
    """The value that the JSON text `written` stands for; where it is refused, the reason."""
    wrong = Wrong()
    [value] = RowReader(profile_of(feature)).read({feature.name: json.loads(written)}, "features", wrong) or [None]
    try:
        wrong.raise_if_any()
    except InvalidInput as refused:
        [(of, reason)] = refused.counted
        assert (of, reason) in possible_failures(profile_of(feature))
        return reason
    return value


FLOAT, INT64, INT8, UINT8 = (number(dtype=one) for one in ("float64", "int64", "int8", "uint8"))
WHOLE, WHOLE_INT32, WHOLE_UINT64 = (number(dtype=one, whole=True) for one in ("float64", "int32", "uint64"))
IDS = CODE.model_copy(update={"name": "x", "categories": (BIG, BIG - 1, 2), "unseen_allowed": False})
NEW_IDS = IDS.model_copy(update={"unseen_allowed": True})
MIXED = CODE.model_copy(update={"name": "x", "categories": (1, "1", "M"), "unseen_allowed": False})
TEXT = ISLAND.model_copy(update={"name": "x"})


@pytest.mark.parametrize(
    ("feature", "written", "value"),
    [
        (number(dtype=""), "2", 2.0),
        (FLOAT, "2", 2.0),
        (FLOAT, "39.7", 39.7),
        (FLOAT, "1e30", 1e30),
        (FLOAT, "1e31", "too_large_number"),
        (INT64, "2", 2),
        (INT64, "3.0", 3),
        (INT64, "-0.0", 0),
        (INT64, "39.7", 39.7),
        (INT64, str(BIG), BIG),
        (INT64, str(2**63 - 1), 2**63 - 1),
        (INT64, str(2**63), float(2**63)),
        (INT64, "1e25", 1e25),
        (INT64, "1e31", "too_large_number"),
        (INT64, "NaN", "not_finite"),
        (INT64, "-Infinity", "not_finite"),
        (INT64, "true", "type"),
        (INT64, '"2"', "type"),
        (number(dtype="Int64"), str(BIG), BIG),
        (INT8, "127", 127),
        (INT8, "128", 128.0),
        (UINT8, "-1", -1.0),
        (WHOLE, "39", 39),
        (WHOLE, "39.0", 39),
        (WHOLE, "39.7", "not_whole"),
        (WHOLE, "1e-300", "not_whole"),
        (WHOLE, "1e25", "too_large_number"),
        (WHOLE, str(10**25), "too_large_number"),
        (WHOLE, str(BIG), BIG),
        (WHOLE, "9.223372036854775807e18", "too_large_number"),  # as a float it is 2^63
        (WHOLE, "NaN", "not_finite"),
        (WHOLE, "Infinity", "not_finite"),
        (WHOLE, "true", "type"),
        (WHOLE, '"39"', "type"),
        (WHOLE_INT32, str(2**31 - 1), 2**31 - 1),
        (WHOLE_INT32, str(2**31), "too_large_number"),
        (WHOLE_INT32, str(-(2**31)), -(2**31)),
        (WHOLE_UINT64, str(2**64 - 1), 2**64 - 1),
        (WHOLE_UINT64, "-1", "too_large_number"),
        (IDS, str(BIG), BIG),
        (IDS, str(BIG - 1), BIG - 1),
        (IDS, "2", 2),
        (IDS, "2.0", 2),
        (IDS, "2e0", 2),
        (IDS, "2.5", "type"),
        (IDS, f"{BIG}.0", "type"),
        (IDS, "9.007199254740992e15", "type"),
        (IDS, "3.0", "unseen_category"),
        (IDS, "NaN", "type"),
        (IDS, "Infinity", "type"),
        (IDS, "true", "type"),
        (IDS, '"2"', "type"),
        (NEW_IDS, "3.0", 3),
        (NEW_IDS, str(BIG + 1), BIG + 1),
        (NEW_IDS, f"{BIG + 1}.0", "type"),
        (NEW_IDS, "-1e300", "type"),
        (NEW_IDS, str(2**63), "unseen_category"),
        (MIXED, "1", 1),
        (MIXED, "1.0", 1),
        (MIXED, '"1"', "1"),
        (MIXED, "true", "type"),
        (TEXT, "1.0", "type"),
        (TEXT, "true", "type"),
    ],
)
def test_a_value_is_exact_or_refused(feature: Feature, written: str, value: Any) -> None:
    found = read(feature, written)
    assert (type(found), found) == (type(value), value)


@given(st.integers(-(2**70), 2**70) | st.floats(-1e30, 1e30), st.sampled_from(["int8", "uint16", "int64", "uint64"]))
def test_a_number_for_a_column_of_integers_is_the_same_number(value: float, dtype: str) -> None:
    found = read(number(dtype=dtype), json.dumps(value))
    assert found == value or (isinstance(value, int) and found == float(value))
    bits, low = int(dtype.strip("uint")), 0 if dtype.startswith("u") else None
    bounds = (0, 2**bits - 1) if low == 0 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert isinstance(found, int) == (bounds[0] <= value <= bounds[1] and value == math.floor(value))
    bin_of(number(dtype=dtype))(found)


@given(st.integers(-(2**70), 2**70) | st.floats(allow_nan=False))
def test_a_whole_number_is_the_same_number_or_refused(value: float) -> None:
    found = read(WHOLE, json.dumps(value))
    assert found in ("not_whole", "too_large_number", "not_finite") or (type(found) is int and found == value)


@pytest.mark.parametrize(
    ("feature", "schema", "datatype"),
    [
        (FLOAT, {"type": "number", "minimum": -1e30, "maximum": 1e30}, "FP64"),
        (INT64, {"type": "number", "minimum": -1e30, "maximum": 1e30}, "FP64"),
        (WHOLE, {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, "INT64"),
        (WHOLE_INT32, {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}, "INT32"),
        (WHOLE_UINT64, {"type": "integer", "minimum": 0, "maximum": 2**64 - 1}, "UINT64"),
    ],
)
def test_the_documents_say_it_too(feature: Feature, schema: dict[str, Any], datatype: str) -> None:
    app = FastAPI()
    add_request_schemas(app, profile_of(feature), instances_max=7)
    assert schema.items() <= app.openapi()["components"]["schemas"]["Features"]["properties"]["x"].items()
    assert [one["datatype"] for one in inputs_of(profile_of(feature))] == [datatype]


def test_a_series_for_fractions_is_there_where_they_are_refused() -> None:
    assert ("x", "not_whole") in possible_failures(profile_of(WHOLE))
    assert ("x", "not_whole") not in possible_failures(profile_of(INT64))


def test_a_number_is_logged_short_and_a_category_as_it_is() -> None:
    assert [_short(INT64, one) for one in (3, BIG, 0.1 + 0.2, None)] == [3, 9.00719925474e15, 0.3, None]
    assert _short(IDS, BIG) == BIG
