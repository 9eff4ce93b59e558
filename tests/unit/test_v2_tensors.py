"""Tensors of the Open Inference Protocol V2 as clients send them: every kind of feature, datatype and content type."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.api.requests.rows import RowReader, Wrong
from vitals.api.v2.tensor import parameters_of
from vitals.api.v2.tensors import TensorReader
from vitals.bundle.schema import Feature, Profile
from vitals.errors import InvalidInput

from .reference import CLASSES, CODE, ISLAND, NUMBER, TAGGED


def profile(**features: Feature) -> Profile:
    return CLASSES.model_copy(update={"features": tuple(one.model_copy(update={"name": name}) for name, one in features.items())})


NUMERIC = profile(a=NUMBER, b=NUMBER, c=NUMBER)
ONE = profile(a=NUMBER)
CODED = profile(a=NUMBER, code=CODE)
CODES = profile(x=CODE, y=CODE)
FLAGS = profile(p=TAGGED, q=TAGGED)
PLACES = profile(here=ISLAND, there=ISLAND)
NAMED_FEATURES = profile(features=NUMBER, b=NUMBER)
SIZES = profile(size=ISLAND.model_copy(update={"categories": (36, 37, "M"), "example": 36}))
WHOLE = profile(a=NUMBER.model_copy(update={"whole": True, "dtype": "int64"}), b=NUMBER)


def read(model: Profile, *inputs: dict[str, Any], **request: Any) -> list[Any]:
    """The model's rows; where they are refused, the sentences."""
    wrong = Wrong()
    try:
        content_type = parameters_of(request, "").get("content_type")
        given = TensorReader(model, "/v2/models/made").rows(list(inputs), most=100, content_type=content_type)
        rows = [RowReader(model).read(row, f"inputs.{index}", wrong) for index, row in enumerate(given)]
        wrong.raise_if_any()
    except InvalidInput as refused:
        return [f"{field.field} {field.message}" for field in refused.fields]
    return rows


def tensor(name: str, shape: list[int], data: Any, datatype: str = "FP64", **parameters: Any) -> dict[str, Any]:
    made = {"name": name, "shape": shape, "datatype": datatype, "data": data}
    return {**made, "parameters": parameters} if parameters else made


SIX = [[1, 2, 3], [4, 5, 6]]
TWO_ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize("name", ["input-0", "predict", "inputs", "features", "X", "", "float_input", "größe"])
@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT64", "UINT8"])
@pytest.mark.parametrize(
    ("shape", "data"),
    [([2, 3], SIX), ([2, 3], [1, 2, 3, 4, 5, 6]), ([2, 1, 3], [[one] for one in SIX]), ([2, 1, 3], [1, 2, 3, 4, 5, 6])],
)
def test_one_tensor_of_any_name_has_all_numbers(name: str, datatype: str, shape: list[int], data: Any) -> None:
    assert read(NUMERIC, tensor(name, shape, data, datatype)) == TWO_ROWS


@pytest.mark.parametrize(
    ("model", "given", "rows"),
    [
        (ONE, tensor("input-0", [2, 1], [1, 2]), [[1.0], [2.0]]),
        (ONE, tensor("a", [2], [1, 2]), [[1.0], [2.0]]),
        (ONE, tensor("a", [2, 1], [[1], [2]]), [[1.0], [2.0]]),
        (ONE, tensor("a", [2], [[1], [2]]), [[1.0], [2.0]]),
        (CODED, tensor("input-0", [1, 2], [0.5, 2], "FP32"), [[0.5, 2]]),
        (CODED, tensor("input-0", [1, 2], [0.5, 2.0], "FP32"), [[0.5, 2]]),
        (CODES, tensor("input-0", [1, 2], [1, 2], "INT64"), [[1, 2]]),
        (FLAGS, tensor("input-0", [1, 2], [True, False], "BOOL"), [[True, False]]),
        (FLAGS, tensor("input-0", [1, 2], [1, 0], "BOOL"), [[True, False]]),
        (FLAGS, tensor("input-0", [2, 2], [[True, False], [False, True]], "BOOL"), [[True, False], [False, True]]),
        (PLACES, tensor("input-0", [1, 2], ["Dream", None], "BYTES"), [["Dream", None]]),
        (PLACES, tensor("input-0", [1, 2], ["RHJlYW0=", "QmlzY29l"], "BYTES", content_type="base64"), [["Dream", "Biscoe"]]),
        (SIZES, tensor("input-0", [3, 1], ["36", "M", 37], "BYTES"), [[36], ["M"], [37]]),
        (WHOLE, tensor("input-0", [1, 2], [3, 0.5]), [[3, 0.5]]),
        (WHOLE, tensor("input-0", [1, 2], [3.0, 0.5]), [[3, 0.5]]),
    ],
)
def test_it_is_taken_wherever_one_datatype_fits_all(model: Profile, given: dict[str, Any], rows: list[Any]) -> None:
    found = read(model, given)
    assert found == rows
    assert [list(map(type, row)) for row in found] == [list(map(type, row)) for row in rows]


ORDER = "the features in this order, or one tensor a feature, each of the shape [rows]: 'a' FP64, 'b' FP64, 'c' FP64"
OWN = "send one tensor a feature, each of the shape [rows] and of its own datatype: "


@pytest.mark.parametrize(
    ("model", "given", "told"),
    [
        (NUMERIC, tensor("input-0", [1, 4], [1, 2, 3, 4]), f"shape [rows, 3] and of numbers (FP64 or another), {ORDER}"),
        (NUMERIC, tensor("input-0", [3], [1, 2, 3]), ORDER),
        (NUMERIC, tensor("input-0", [1, 3, 1], [1, 2, 3]), ORDER),
        (NUMERIC, tensor("input-0", [1, 3], ["1", "2", "3"], "BYTES"), ORDER),
        (NUMERIC, tensor("input-0", [1, 3], [True, True, True], "BOOL"), ORDER),
        (CLASSES, tensor("input-0", [1, 4], [1, "Dream", True, 1], "BYTES"), f"{OWN}'sepal length (cm)' FP64, 'island' BYTES"),
        (CLASSES, tensor("input-0", [1, 4], [1, 2, 3, 4]), f"{OWN}'sepal length (cm)' FP64, 'island' BYTES, 'tagged' BOOL"),
        (PLACES, tensor("input-0", [1, 2], [1, 2]), "of BYTES, the features in this order"),
        (FLAGS, tensor("input-0", [1, 2], [1, 0], "INT64"), "of BOOL, the features in this order"),
        (FLAGS, tensor("input-0", [1, 2], [2, 0], "BOOL"), "inputs.0.p must be true or false"),
        (WHOLE, tensor("input-0", [1, 2], [3.5, 0.5]), "inputs.0.a must be a whole number"),
        (CODES, tensor("input-0", [1, 2], [1.5, 2]), "inputs.0.x must be a whole number"),
        (NAMED_FEATURES, tensor("features", [1, 2], [1, 2]), "must be of the shape [rows] or [rows, 1]: send one tensor of the"),
        (NAMED_FEATURES, tensor("features", [2], [1, 2]), "inputs.0.b is missing"),
        (
            NUMERIC,
            tensor("a", [1, 3], [1, 2, 3]),
            "must be of the shape [rows] or [rows, 1]: send one tensor of the shape [rows, 3]",
        ),
    ],
)
def test_where_it_cannot_be_taken_the_sentence_says_how(model: Profile, given: dict[str, Any], told: str) -> None:
    [first, *_] = read(model, given)
    assert isinstance(first, str)
    assert told in first


def test_a_name_that_is_a_features_means_that_feature() -> None:
    lenient = profile(features=NUMBER, b=NUMBER.model_copy(update={"missing_allowed": True}))
    assert read(lenient, tensor("features", [2, 1], [1, 2])) == [[1.0, None], [2.0, None]]
    assert read(lenient, tensor("input-0", [1, 2], [1, 2])) == [[1.0, 2.0]]


def test_the_sentence_is_short_where_features_are_many() -> None:
    [told] = read(profile(**{f"feature {index}": NUMBER for index in range(300)}), tensor("x", [1, 2], [1, 2]))
    assert len(told) < 500
    assert told.endswith("'feature 7' FP64, … (GET /v2/models/made names all 300)")


ROW = {"sepal length (cm)": ("FP64", 1.5), "island": ("BYTES", "Dream"), "tagged": ("BOOL", True), "code": ("INT64", 1)}


def each(name: str, datatype: str, data: list[Any], **parameters: Any) -> list[dict[str, Any]]:
    """A tensor for each feature of CLASSES; that of `name` is given."""
    others = [tensor(one, [len(data), 1], [value] * len(data), kind) for one, (kind, value) in ROW.items() if one != name]
    return [*others, tensor(name, [len(data)], data, datatype, **parameters)]


def test_requests_of_mlservers_pandas_codec() -> None:
    inputs = each("island", "BYTES", ["Dream", None], content_type="str")
    assert read(CLASSES, *inputs, parameters={"content_type": "pd"}) == [[1.5, "Dream", True, 1], [1.5, None, True, 1]]


B64 = [base64.b64encode(one.encode()).decode() for one in ("Dream", "Biscoe")]


@pytest.mark.parametrize(
    ("own", "requests", "data", "islands"),
    [
        (None, None, ["Dream", "Biscoe"], ["Dream", "Biscoe"]),
        ("str", None, ["Dream", "Biscoe"], ["Dream", "Biscoe"]),
        ("np", None, ["Dream", "Biscoe"], ["Dream", "Biscoe"]),
        (None, "pd", ["Dream", "Biscoe"], ["Dream", "Biscoe"]),
        (None, "np", ["Dream", "Biscoe"], ["Dream", "Biscoe"]),
        (None, "str", ["Dream", "Biscoe"], ["Dream", "Biscoe"]),
        ("base64", None, B64, ["Dream", "Biscoe"]),
        ("base64", "pd", B64, ["Dream", "Biscoe"]),
        (None, "base64", B64, ["Dream", "Biscoe"]),
        ("str", "base64", ["Dream", "Biscoe"], ["Dream", "Biscoe"]),
        ("base64", None, [B64[0], None], ["Dream", None]),
    ],
)
def test_text_comes_as_its_content_type_says(own: str | None, requests: str | None, data: list[Any], islands: list[Any]) -> None:
    inputs = each("island", "BYTES", data, **({"content_type": own} if own else {}))
    rows = read(CLASSES, *inputs, parameters={"content_type": requests})
    assert [row[1] for row in rows] == islands


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_any_text_comes_out_of_base64(texts: list[str]) -> None:
    model = profile(island=ISLAND.model_copy(update={"unseen_allowed": True}))
    data = [base64.b64encode(one.encode()).decode() for one in texts]
    assert read(model, tensor("island", [len(data)], data, "BYTES", content_type="base64")) == [[one] for one in texts]


NONE_OF_THOSE = "is none of those that this server reads: str, base64"


@pytest.mark.parametrize(
    ("inputs", "request_type", "told"),
    [
        (each("island", "BYTES", ["Dream"], content_type="base64"), None, "no base64 of UTF-8 text"),
        (each("island", "BYTES", ["RHJlYW0"], content_type="base64"), None, "no base64 of UTF-8 text"),
        (each("island", "BYTES", ["RHJl\nYW0="], content_type="base64"), None, "no base64 of UTF-8 text"),
        (each("island", "BYTES", ["größe"], content_type="base64"), None, "no base64 of UTF-8 text"),
        (each("island", "BYTES", ["/w=="], content_type="base64"), None, "no base64 of UTF-8 text"),
        (each("island", "BYTES", [7], content_type="base64"), None, "inputs.0.island must be text"),
        (each("island", "BYTES", ["Dream"]), "base64", "no base64 of UTF-8 text"),
        (each("island", "BYTES", B64), None, "inputs.0.island is none of the 2 categories"),
        (each("island", "BYTES", ["2024-01-01"], content_type="datetime"), None, NONE_OF_THOSE),
        (each("island", "BYTES", ['{"a": 1}'], content_type="pd_json"), None, NONE_OF_THOSE),
        (each("island", "BYTES", ["Dream"], content_type="raw"), None, NONE_OF_THOSE),
        (each("island", "BYTES", ["Dream"], content_type=7), None, NONE_OF_THOSE),
        (each("island", "BYTES", ["Dream"], content_type=["str"]), None, NONE_OF_THOSE),
        (each("island", "BYTES", ["Dream"]), "dict", f"parameters.content_type {NONE_OF_THOSE}"),
        (
            each("sepal length (cm)", "FP64", [1.5], content_type="base64"),
            None,
            "has the content type base64, which is one of BYTES",
        ),
        (each("sepal length (cm)", "FP64", [1.5], content_type="str"), None, "has the content type str, which is one of BYTES"),
        (each("island", "BYTES", ["Dream"], binary_data_size=5), None, "has binary data"),
        (each("island", "BYTES", ["Dream"], shared_memory_region="x"), None, "is in shared memory"),
        (
            each("sepal length (cm)", "BYTES", ["1.5"]),
            None,
            "must be of the datatype FP64 or another of numbers, its data such as 1.0",
        ),
        (each("sepal length (cm)", "BOOL", [True]), None, "must be of the datatype FP64"),
        (each("sepal length (cm)", "INT64", [1.5]), None, "is INT64 and has a number with a fraction"),
        (each("sepal length (cm)", "INT8", [128]), None, "has a number that INT8 does not hold"),
        (each("sepal length (cm)", "UINT64", [-1]), None, "has a number that UINT64 does not hold"),
        (each("sepal length (cm)", "FP64", ["1.5"]), None, "inputs.0.sepal length (cm) must be a number, not text"),
        (each("sepal length (cm)", "FP64", [True]), None, "inputs.0.sepal length (cm) must be a number"),
        (each("sepal length (cm)", "fp64", [1.5]), None, "must have a datatype, one of BOOL, BYTES"),
        (each("tagged", "INT64", [1]), None, "must be of the datatype BOOL"),
        (each("tagged", "BOOL", [2]), None, "inputs.0.tagged must be true or false"),
        (each("tagged", "BOOL", [1.0]), None, "inputs.0.tagged must be true or false"),
        (each("tagged", "BOOL", ["true"]), None, "inputs.0.tagged must be true or false"),
        (each("code", "BYTES", ["1"]), None, "must be of the datatype INT64 or another of numbers, its data such as 1"),
        (each("code", "FP32", [1.5]), None, "inputs.0.code must be a whole number"),
        (each("code", "FP64", [float(2**53)]), None, "a float of 2^53 or more is not exact"),
        (each("code", "BOOL", [True]), None, "must be of the datatype INT64"),
        ([{**tensor("input-0", [1, 1], [1]), "parameters": 7}], None, "inputs.0.parameters must be an object"),
    ],
)
def test_what_is_refused_says_why(inputs: list[dict[str, Any]], request_type: str | None, told: str) -> None:
    [first, *_] = read(CLASSES, *inputs, parameters={"content_type": request_type})
    assert isinstance(first, str)
    assert told in first


@pytest.mark.parametrize(
    ("shape", "data", "taken"),
    [
        ([2, 3], SIX, True),
        ([2, 3], [[1, 2], [3, 4], [5, 6]], False),  # columns for rows: as many elements, and others
        ([2, 3], [[1, 2, 3, 4, 5, 6]], False),
        ([2, 3], [[1, 2, 3], [4, 5, 6, 7]], False),
        ([2, 3], [[1, 2, 3], 4, 5, 6], False),
        ([2, 3], [[[1], [2], [3]], [[4], [5], [6]]], True),
        ([2, 1, 3], SIX, False),
        ([2, 3], [1, 2, 3, 4, 5], False),
        ([2, 3], [], False),
        ([2, 3, 1, 1], [1, 2, 3, 4, 5, 6], False),
    ],
)
def test_data_are_flat_or_nest_as_their_shape(shape: list[int], data: Any, taken: bool) -> None:
    assert (read(NUMERIC, tensor("input-0", shape, data)) == TWO_ROWS) == taken
