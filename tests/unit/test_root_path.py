"""Errors behind a root path: V2's keep V2's form, the others name the path that the client asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from .conftest import Emitted
from .reproducible_gzip import gzipped
from .served_over_http import serving

BEHIND = {
    "no root path": ("", ""),
    "uvicorn's option": ("/model", "/model"),
    "a proxy that takes it off": ("", "/model"),
    "several parts": ("/a/b", "/a/b"),
    "one that is like a route": ("/v2", "/v2"),
}
"""What stands before the path that is asked for, and the root path that the application is told."""


@pytest.fixture(params=[*BEHIND, "mounted"])
def behind(request: pytest.FixtureRequest, service: TestClient, emitted: Emitted) -> tuple[TestClient, str, str]:
    """A client, what its paths begin with, and the root path that an answer shows."""
    if request.param == "mounted":
        outer = FastAPI()
        outer.mount("/models/iris", service.app)
        return TestClient(outer, raise_server_exceptions=False), "/models/iris", "/models/iris"
    prefix, root = BEHIND[request.param]
    client = TestClient(service.app, root_path=root, raise_server_exceptions=False)
    return client, prefix, root.rstrip("/")


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("POST", "/v2/models/iris/infer", {"json": {}}, 400),
        ("POST", "/v2/models/iris/infer", {"content": b"{"}, 400),
        ("POST", "/v2/models/other/infer", {"json": {}}, 404),
        ("GET", "/v2/nothing", {}, 404),
        ("GET", "/v2/models/iris/infer", {}, 405),
        ("POST", "/v2/models/iris/infer", {"content": b" " * 2_000_000}, 413),
        ("POST", "/v2/models/iris/infer", {"content": gzipped(b" " * 2_000_000), "coding": "gzip"}, 413),
        ("POST", "/v2/models/iris/infer", {"content": b"{}", "coding": "br"}, 415),
    ],
)
def test_errors_of_v2_have_its_form(
    behind: tuple[TestClient, str, str], method: str, path: str, more: dict[str, Any], status: int
) -> None:
    client, prefix, root = behind
    headers = {"content-type": "application/json"}
    if coding := more.get("coding"):
        headers["content-encoding"] = coding
    answer = client.request(
        method, prefix + path, headers=headers, **{name: one for name, one in more.items() if name != "coding"}
    )
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    if status in (404, 405) and "other" not in path:
        assert f"{root}{path}" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("DELETE", "/labels", 405), ("POST", "/predict", 422), ("GET", "/v2x", 404)],
)
def test_the_others_are_problem_details_of_the_path_that_was_asked_for(
    behind: tuple[TestClient, str, str], method: str, path: str, status: int
) -> None:
    client, prefix, root = behind
    answer = client.request(method, prefix + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == root + path


def test_an_unexpected_error_has_the_form_too(behind: tuple[TestClient, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("no answer to this")

    monkeypatch.setattr("vitals.api.v2.routes.json_of", broken)
    monkeypatch.setattr("vitals.api.predict.json_of", broken)
    client, prefix, root = behind
    answer = client.post(f"{prefix}/v2/models/iris/infer", json={})
    assert (answer.status_code, set(answer.json())) == (500, {"error"})
    other = client.post(f"{prefix}/predict", json={})
    assert (other.status_code, other.json()["instance"]) == (500, f"{root}/predict")


@pytest.fixture(scope="module")
def proxied(model_folder: Path, memory: Emitted) -> Iterator[str]:
    with serving(model_folder, root_path="/model") as address:
        yield address


def test_uvicorns_root_path(proxied: str) -> None:
    wrong = httpx.post(f"http://{proxied}/v2/models/iris/infer", json={"inputs": 1})
    assert (wrong.status_code, set(wrong.json())) == (400, {"error"})
    assert httpx.get(f"http://{proxied}/nothing").json()["instance"] == "/model/nothing"
    right = {"inputs": [{"name": "input-0", "shape": [1, 4], "datatype": "FP32", "data": [5.1, 3.5, 1.4, 0.2]}]}
    assert httpx.post(f"http://{proxied}/v2/models/iris/infer", json=right).json()["outputs"][0]["data"] == ["setosa"]
