"""The service while its model hangs, is slow, or could not be loaded: quick answers that say so, and readiness that shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from vitals import app as wiring
from vitals.app import create_app
from vitals.errors import ModelMismatch
from vitals.host.processes import wait_until
from vitals.model.call_pace import CallPace
from vitals.model.loading import load
from vitals.settings.service import Settings

from .conftest import ROW, Emitted, meter_of_its_own, one_more_service

HANGS = 66.0
"""A sepal length that the model does not answer until it is let go."""


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    """Lets the model answer at last."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def hanging(
    model_folder: Path, let_go: threading.Event, emitted: Emitted, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A service that asks its model in the thread and waits 200 ms for it; the model waits for `let_go` at a row that HANGS."""
    model = load(model_folder, allow_pickle=False, threads=1)
    predict = model.predict

    def waiting(rows: Any) -> Any:
        if any(row[0] == HANGS for row in rows):
            assert let_go.wait(60)
        return predict(rows)

    monkeypatch.setattr(model, "predict", waiting)
    monkeypatch.setattr(wiring, "load_model", lambda *_, **__: model)
    monkeypatch.setattr(wiring, "measured_pace", lambda *_, **__: CallPace(0))
    with one_more_service(Settings.load(model_dir=model_folder, predict_timeout="200ms")) as client:
        yield client


def _observed(emitted: Emitted) -> float:
    """How many sepal lengths were counted, in all services of this process that have such a meter."""
    return sum(
        one.value for one in emitted.points("ml.feature.observations") if one.attributes["ml.feature.name"] == "sepal_length"
    )


@pytest.mark.slow
def test_a_model_that_hangs_is_told_to_clients_and_to_whoever_asks_for_readiness(
    hanging: TestClient, let_go: threading.Event, emitted: Emitted
) -> None:
    counted = _observed(emitted)
    late = hanging.post("/predict", json={"features": {**ROW, "sepal_length": HANGS}})
    assert (late.status_code, late.json()["title"], late.headers["retry-after"]) == (503, "Model Timeout", "5")
    assert late.json()["detail"] == "The model has not answered within 0.2 s."
    assert _observed(emitted) == counted + 1, "the model was asked for it"

    assert wait_until(lambda: hanging.get("/health/ready").status_code == 503, 10)
    unready = hanging.get("/health/ready").json()
    assert unready["title"] == "Not Ready"
    assert [hanging.get(f"/v2/{path}").status_code for path in ("health/ready", "models/iris/ready")] == [503, 503]
    assert unready["detail"].startswith("The model iris has not answered for ")
    start = time.monotonic()
    turned_away = hanging.post("/predict", json={"features": ROW})
    assert time.monotonic() - start < 10, "it was not left to wait"
    assert (turned_away.status_code, turned_away.json()["title"]) == (503, "Model Timeout")
    assert _observed(emitted) == counted + 1, "it comes again, and the model was not asked for it"
    assert hanging.get("/health/live").status_code == 200

    let_go.set()
    assert wait_until(lambda: hanging.get("/health/ready").status_code == 200, 30)
    assert hanging.post("/predict", json={"features": ROW}).status_code == 200
    assert _observed(emitted) == counted + 2
    spans = [one for one in emitted.spans if one.name == "POST /predict"]
    assert [one.attributes["http.response.status_code"] for one in spans if one.attributes] == [503, 503, 200]
    assert "ml.prediction.id" not in (spans[0].attributes or {})


def test_v2_says_so_in_its_own_form(hanging: TestClient) -> None:
    inputs = [{"name": name, "datatype": "FP64", "shape": [1], "data": [HANGS]} for name in ROW]
    late = hanging.post("/v2/models/iris/infer", json={"inputs": inputs})
    assert (late.status_code, late.headers["retry-after"]) == (503, "5")
    assert late.json() == {"error": "The model has not answered within 0.2 s."}


def _broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("a secret of the machine's")


def _refused(*_: Any, **__: Any) -> Any:
    raise ModelMismatch("/a/path/of/the/machine is a pickle.")


@pytest.mark.parametrize(
    ("loading", "reason", "logged"),
    [
        (_broken, "could not be loaded (ZeroDivisionError).", "a secret of the machine's"),
        (_refused, "can't be served; the log of the service says why.", "/a/path/of/the/machine is a pickle."),
    ],
)
def test_a_model_that_could_not_be_loaded_is_visible_and_its_error_logged(
    loading: Callable[..., Any],
    reason: str,
    logged: str,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(wiring, "load_model", loading)
    with meter_of_its_own(), TestClient(create_app(Settings.load(model_dir=model_folder))) as client:
        assert wait_until(lambda: reason in client.get("/health/ready").text, 30)
        for answer in (client.get("/health/ready"), client.post("/predict", json={"features": ROW})):
            assert (answer.status_code, answer.json()["title"]) == (503, "Not Ready")
            assert answer.json()["detail"].endswith(reason)
            assert logged not in answer.text
        assert client.get("/health/live").status_code == 200
    assert logged in caplog.text
    assert ("Traceback" in caplog.text) == (loading is _broken)


def test_of_several_workers_one_that_has_no_model_does_not_start(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take requests from the port that it shares with those that can answer them."""
    monkeypatch.setattr(wiring, "load_model", _broken)
    application = create_app(Settings.load(model_dir=model_folder, service_workers=2))
    with meter_of_its_own(), pytest.raises(ModelMismatch, match="could not be loaded"), TestClient(application):
        pass


def test_a_model_that_is_given_is_not_loaded_again_and_is_ready_at_once(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(model_folder, allow_pickle=False, threads=1)
    monkeypatch.setattr(wiring, "load_model", _broken)
    with meter_of_its_own(), TestClient(create_app(Settings.load(model_dir=model_folder), model=model)) as client:
        assert client.get("/health/ready").status_code == 200
        assert client.post("/predict", json={"features": ROW}).json()["prediction"] == "setosa"


def test_a_model_that_is_slower_than_the_limit_is_told_at_the_start(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wiring, "measured_pace", lambda *_, **__: CallPace(0, 12.0))
    with one_more_service(Settings.load(model_dir=model_folder)):
        pass
    assert "A call of the model takes 12.0 s, longer than PREDICT_TIMEOUT (10s): requests will be answered 503." in caplog.text


@pytest.mark.parametrize(("written", "seconds"), [("250ms", 0.25), ("10s", 10), ("2m", 120)])
def test_the_limit_is_written_with_its_unit(written: str, seconds: float) -> None:
    assert Settings.load(predict_timeout=written).predict_timeout_seconds == pytest.approx(seconds)
