"""Bodies of another form than POST /predict has: one sentence that shows the right one, in the model's own names."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from vitals.api.requests.example_body import RightBody
from vitals.api.requests.rows import RowReader, Wrong
from vitals.errors import InvalidInput

from .conftest import ROW
from .reference import CLASSES, CODE, ISLAND, NUMBER, NUMBERS, TAGGED

SECRET = 7777.125
SENT = dict.fromkeys(ROW, SECRET)
VALUES = list(SENT.values())


@pytest.mark.parametrize(
    "body",
    [
        SENT,
        {"sepal_length": SECRET},
        {"instances": [VALUES]},
        {"instances": [VALUES] * 100},
        {"instances": VALUES},
        {"instances": SENT},
        {"instances": "all"},
        {"features": VALUES},
        {"features": [SENT]},
        {"features": str(SECRET)},
        [SENT],
        [VALUES],
        VALUES,
        SECRET,
        str(SECRET),
        {},
        {"data": [VALUES]},
        {"inputs": [VALUES]},
        {"inputs": SENT},
        {"inputs": [{"name": "input-0", "shape": [1, 4], "datatype": "FP64", "data": VALUES}]},
        {"dataframe_split": {"columns": list(SENT), "data": [VALUES]}},
        {"dataframe_records": [SENT]},
        {"columns": list(SENT), "data": [VALUES]},
        {"instance": SENT},
        {"Features": SENT},
        {"signature_name": "serving_default", "inputs": [VALUES]},
    ],
)
def test_another_form_is_told_with_the_right_one(client: TestClient, body: Any) -> None:
    answer = client.post("/predict", json=body)
    problem = answer.json()
    assert answer.status_code == 422
    [error] = problem["errors"]
    assert error["reason"] == "structure"
    assert error["message"] in problem["detail"]
    assert str(SECRET) not in answer.text
    shown = json.loads(re.search(r'\{"sepal_length".*?\}', problem["detail"])[0])  # type: ignore[index]
    assert client.post("/predict", json={"features": shown}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models/iris:predict", "/invocations", "/predictions/iris", "/v1/models/iris"])
def test_paths_of_other_servers_are_told_with_ours(client: TestClient, path: str) -> None:
    answer = client.post(path, json={"instances": [VALUES]})
    assert answer.status_code == 404
    detail = answer.json()["detail"]
    assert detail.startswith(f'There is nothing at {path}: ask POST /predict with {{"features": {{"sepal_length"')
    assert detail.endswith("at /v2/models/iris/infer.")
    assert client.get("/nothing").json()["detail"] == "There is nothing at /nothing."


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"sepal length (cm)": "1.5"}, "must be a number, not text: without quotation marks, such as 1.0"),
        ({"tagged": "true"}, "must be true or false, without quotation marks"),
        ({"code": "1"}, "must be a whole number, such as 1"),
        ({"island": 7}, 'must be text, such as "Dream"'),
    ],
)
def test_a_value_of_another_type_is_told_with_an_example(row: dict[str, Any], told: str) -> None:
    wrong = Wrong()
    RowReader(CLASSES).read({"sepal length (cm)": 1.5, "island": "Dream", "tagged": True, "code": 1, **row}, "features", wrong)
    with pytest.raises(InvalidInput) as refused:
        wrong.raise_if_any()
    assert [field.message for field in refused.value.fields] == [told]


def test_the_right_body_is_short_and_printable_whatever_the_features_are() -> None:
    many = [NUMBER.model_copy(update={"name": f"feature {index}"}) for index in range(300)]
    odd = [ISLAND.model_copy(update={"name": "l\u2028b " + "x" * 90, "example": "\u202e" * 150})]
    for features in (many, odd, [CODE, TAGGED]):
        right = RightBody(NUMBERS.model_copy(update={"features": tuple(features)}))
        assert right.sentence.isprintable()
        assert len(right.sentence) < 600
    assert RightBody(NUMBERS.model_copy(update={"features": tuple(many)})).row.endswith(", …}")
    row = {"sepal length (cm)": 1.0, "island": "Dream", "tagged": True, "code": 1}
    assert json.loads(RightBody(CLASSES).one) == {"features": row}
