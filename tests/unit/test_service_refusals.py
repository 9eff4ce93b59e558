"""What the service does not take: each mistake named, as problem details."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from .conftest import ROW


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"features": {**ROW, "petal_width": "wide"}}, "features.petal_width", "type"),
        ({"features": {k: v for k, v in ROW.items() if k != "petal_width"}}, "features.petal_width", "missing"),
        ({"features": {**ROW, "petal_width": None}}, "features.petal_width", "missing"),
        ({"features": {**ROW, "colour": 1}}, "features.(unknown)", "unknown_feature"),
        ({"features": {**ROW, "petal_width": "0.2"}}, "features.petal_width", "type"),
        ({"features": {**ROW, "petal_width": True}}, "features.petal_width", "type"),
        ({"features": {**ROW, "petal_width": [0.2]}}, "features.petal_width", "type"),
        ({"features": {**ROW, "petal_width": 10**400}}, "features.petal_width", "too_large_number"),
        ({"features": {**ROW, "petal_width": -(10**31)}}, "features.petal_width", "too_large_number"),
        ({"features": {**ROW, "petal_width": 1.01e30}}, "features.petal_width", "too_large_number"),
        ({"features": {**ROW, "sepal_length": -1e308}}, "features.sepal_length", "too_large_number"),
        ({"features": {**ROW, "body": 1}}, "features.(unknown)", "unknown_feature"),
        ({"features": ROW, "body": 1}, "(unknown)", "structure"),
        ({"features": [ROW]}, "features", "structure"),
        ({"features": None}, "features", "structure"),
        ({"features": ROW, "instances": [ROW]}, "features", "structure"),
        ({"instances": [ROW, ROW, ROW, {**ROW, "petal_width": "wide"}]}, "instances.3.petal_width", "type"),
        ({"instances": [ROW, 1]}, "instances.1", "structure"),
        ({"instances": ROW}, "instances", "structure"),
        ({"instances": []}, "instances", "empty"),
        ({"instances": [ROW] * 101}, "instances", "too_many_rows"),
        ({}, "features", "structure"),
        ([], "body", "structure"),
        (0, "body", "structure"),
    ],
)
def test_refuses_wrong_input_and_names_the_field(client: TestClient, body: Any, field: str, reason: str) -> None:
    response = client.post("/predict", json=body)
    problem = response.json()
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert {"field": field, "reason": reason}.items() <= problem["errors"][0].items()
    assert problem["status"] == 422
    assert problem["instance"] == "/predict"
    assert len(problem["trace_id"]) == 32


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_refuses_numbers_that_are_none(client: TestClient, value: str) -> None:
    body = json.dumps({"features": ROW}).replace("5.1", value)
    response = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["reason"] == "not_finite"


def test_every_mistake_of_a_request_is_named_but_not_without_end(client: TestClient) -> None:
    wrong = client.post("/predict", json={"features": {"petal_width": "x", "a": 1}}).json()["errors"]
    assert [(one["field"], one["reason"]) for one in wrong] == [
        ("features.sepal_length", "missing"),
        ("features.sepal_width", "missing"),
        ("features.petal_length", "missing"),
        ("features.petal_width", "type"),
        ("features.(unknown)", "unknown_feature"),
    ]
    many = client.post("/predict", json={"features": {**ROW, **{f"x{index}": 1 for index in range(1000)}}}).json()["errors"]
    assert len(many) == 50


def test_a_body_that_is_no_json_is_a_problem(client: TestClient) -> None:
    response = client.post("/predict", content=b"{", headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": "body", "reason": "not_json", "message": "The body is not valid JSON"}]


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", "application/json", "empty"),
        (b"  ", "application/json", "empty"),
        (b"\xff\xfe\x00", "application/json", "not_json"),
        (b"[" * 100_000, "application/json", "not_json"),
        (b'{"features": ' + b"9" * 10_000 + b"}", "application/json", "not_json"),
        (b'{"features": {}}', "text/plain", "not_json"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(client: TestClient, content: bytes, kind: str, reason: str) -> None:
    response = client.post("/predict", content=content, headers={"content-type": kind})
    assert response.status_code == 422
    assert [one["reason"] for one in response.json()["errors"]] == [reason]


@pytest.mark.parametrize("announced", [True, False])
def test_refuses_a_body_over_the_limit(client: TestClient, announced: bool) -> None:
    size = 2 * 1024 * 1024
    content: Any = b" " * size if announced else iter([b" " * 65536] * (size // 65536))
    response = client.post("/predict", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert response.json()["title"] == "Content Too Large"


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    missing = client.get("/nope")
    assert (missing.status_code, missing.json()["instance"]) == (404, "/nope")
    wrong = client.delete("/model")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert missing.json()["trace_id"] != wrong.json()["trace_id"]
