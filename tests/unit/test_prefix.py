"""ROOT_PATH within one process: each route is found by its path, with the prefix and without it, and errors name the client's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.testclient import TestClient

from vitals.api import behind_proxy
from vitals.api.behind_proxy import BehindProxy
from vitals.settings.service import Settings

from .conftest import ROW, Emitted, one_more_service


@pytest.fixture(scope="module", params=["/ml", "/model", "/predict", "/v2.1", "/a/b"])
def behind(request: pytest.FixtureRequest, model_folder: Path, memory: Emitted) -> Iterator[tuple[str, TestClient]]:
    """A prefix, and a service that is told of it."""
    with one_more_service(Settings.load(model_dir=model_folder, root_path=request.param)) as client:
        yield request.param, client


@pytest.fixture(params=["stripped", "kept"])
def before(request: pytest.FixtureRequest, behind: tuple[str, TestClient]) -> str:
    """What the proxy leaves before the path."""
    return behind[0] if request.param == "kept" else ""


@pytest.mark.slow
def test_every_route_is_found(behind: tuple[str, TestClient], before: str, service: TestClient) -> None:
    _, client = behind
    schema = service.get("/openapi.json").json()
    asked = [(method.upper(), path) for path, methods in schema["paths"].items() for method in methods]
    assert len(asked) > 10
    for method, path in asked:
        filled = path.replace("{model_name}", "iris").replace("{model_version}", "1")
        assert "{" not in filled
        body: Any = {"json": {"features": ROW}} if path == "/predict" else {"json": {}} if method == "POST" else {}
        without, with_prefix = service.request(method, filled, **body), client.request(method, before + filled, **body)
        assert (with_prefix.status_code, set(with_prefix.json())) == (without.status_code, set(without.json())), (method, path)


def test_the_schema_is_the_same_but_for_its_server(behind: tuple[str, TestClient], before: str, service: TestClient) -> None:
    prefix, client = behind
    schema = client.get(f"{before}/openapi.json").json()
    assert schema.pop("servers") == [{"url": prefix}]
    assert schema == service.get("/openapi.json").json()


@pytest.mark.parametrize("path", ["/nothing", "/mlx", "/"])
def test_an_error_names_the_path_that_the_client_asked_for(behind: tuple[str, TestClient], before: str, path: str) -> None:
    prefix, client = behind
    answer = client.get(before + path)
    assert (answer.status_code, answer.json()["instance"]) == (404, prefix + path)


@pytest.mark.parametrize("path", ["/mlx/predict", "/m/predict", "/ML/predict", "/ml/ml/predict"])
def test_what_only_looks_like_the_prefix_is_none(model_folder: Path, memory: Emitted, path: str) -> None:
    with one_more_service(Settings.load(model_dir=model_folder, root_path="/ml")) as client:
        assert client.post(path, json={"features": ROW}).status_code == 404


def test_a_prediction_takes_the_short_way(behind: tuple[str, TestClient], before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = behind
    asked: list[str] = []
    long_way = behind_proxy.UnderPrefix.__call__

    async def noted(self: Any, scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await long_way(self, scope, receive, send)

    monkeypatch.setattr(behind_proxy.UnderPrefix, "__call__", noted)
    assert client.post(f"{before}/predict", json={"features": ROW}).json()["prediction"] == "setosa"
    assert asked == []
    client.get(f"{before}/model")
    assert asked == ["/model"]


@pytest.mark.parametrize(
    ("path", "status", "instance"),
    [("/ml", 404, "/ml/"), ("/ml/", 404, "/ml/"), ("/ml/predict/", 307, None), ("/ml?a=1", 404, "/ml/")],
)
def test_the_prefix_itself_is_the_root(model_folder: Path, memory: Emitted, path: str, status: int, instance: str | None) -> None:
    with one_more_service(Settings.load(model_dir=model_folder, root_path="/ml")) as client:
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code == status
        assert (answer.json()["instance"] if instance else answer.headers["location"]) == (instance or "/ml/predict")


@pytest.mark.parametrize(
    ("way", "path"), [("root path", "/ml/here"), ("mounted", "/outer/here"), ("root path and kept", "/ml/ml/here")]
)
def test_servers_and_mounts_may_know_of_a_prefix_too(way: str, path: str) -> None:
    """uvicorn puts what it is told of before the path; where the application is mounted, that is between prefix and path."""
    app: FastAPI = BehindProxy(prefix="/ml", trusted="")

    @app.get("/here")
    async def here() -> RedirectResponse:
        return RedirectResponse("http://testserver/elsewhere?a=1")

    client = TestClient(app, root_path="/ml" if way.startswith("root path") else "", follow_redirects=False)
    if way == "mounted":
        outer = FastAPI()
        outer.mount("/outer", app)
        client = TestClient(outer, follow_redirects=False)
    answer = client.get(path)
    if way == "root path and kept":
        assert answer.status_code == 404  # twice there, it is a path of the application's
        return
    assert (answer.status_code, answer.headers["location"]) == (307, "/elsewhere?a=1")
