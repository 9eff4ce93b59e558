"""The service's answers: predictions, health, the model, and what it says when something in it breaks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from vitals.app import create_app
from vitals.bundle.bins import LARGEST
from vitals.bundle.folder import read_folder
from vitals.model_io.output import ModelOutput
from vitals.settings.service import Settings

from .conftest import ROW, Emitted, meter_of_its_own


def test_predicts_with_confidence_version_and_trace_id(client: TestClient, model_folder: Path) -> None:
    response = client.post("/predict", json={"features": ROW})
    answer = response.json()
    assert response.status_code == 200
    assert answer["prediction"] == "setosa"
    assert answer["confidence"] == max(answer["probabilities"].values())
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["model"] == {"name": "iris", "version": read_folder(model_folder).facts.version}
    assert len(answer["trace_id"]) == 32
    assert response.headers["traceresponse"].split("-")[1] == answer["trace_id"]


def test_keeps_the_callers_trace_id(client: TestClient) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    answer = client.post("/predict", json={"features": ROW}, headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    assert answer.json()["trace_id"] == trace_id


def test_tells_its_model(client: TestClient) -> None:
    model = client.get("/model").json()
    assert model["name"] == "iris"
    assert [feature["name"] for feature in model["features"]] == list(ROW)
    assert model["classes"] == ["setosa", "versicolor", "virginica"]
    assert " of 150 rows" in model["trained_on"]
    assert (model["task"], model["target"]) == ("classification", "species")
    assert model["quality"]["accuracy"] > 0.9
    assert model["trace_id"]


@pytest.mark.slow
def test_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/health/live").json()["status"] == "alive"
    assert client.get("/health/ready").json()["status"] == "ready"


def test_a_canary_leaves_a_span_a_log_record_and_a_count_and_no_prediction(client: TestClient, emitted: Emitted) -> None:
    def counted(metric: str, **attributes: str) -> int:
        points = [point for point in emitted.points(metric) if attributes.items() <= point.attributes.items()]
        return sum(getattr(point, "count", None) or point.value for point in points)

    predictions = counted("ml.predictions")
    asked = counted("http.server.request.duration", **{"http.route": "/health/canary"})
    first, second = client.get("/health/canary").json(), client.get("/health/canary").json()
    assert (first["status"], second["answered"]) == ("alive", first["answered"] + 1)
    assert counted("http.server.request.duration", **{"http.route": "/health/canary"}) == asked + 2
    spans = [span for span in emitted.spans if span.name == "GET /health/canary"]
    assert [f"{span.context.trace_id:032x}" for span in spans] == [first["trace_id"], second["trace_id"]]
    assert {first["instance"]} == {span.resource.attributes["service.instance.id"] for span in spans}
    logs = [one.log_record for one in emitted.logs]
    assert [log.event_name for log in logs] == ["vitals.canary"] * 2
    assert [f"{log.trace_id:032x}" for log in logs] == [first["trace_id"], second["trace_id"]]
    assert len({log.attributes["log.record.uid"] for log in logs if log.attributes}) == 2
    assert counted("ml.predictions") == predictions


def test_several_rows_are_answered_in_their_order(client: TestClient) -> None:
    rows = [ROW, {**ROW, "petal_length": 5.8, "petal_width": 2.2}, {**ROW, "sepal_length": 5}]
    answer = client.post("/predict", json={"instances": rows}).json()
    assert [one["prediction"] for one in answer["predictions"]] == ["setosa", "virginica", "setosa"]
    assert len({one["prediction_id"] for one in answer["predictions"]}) == 3
    alone = [client.post("/predict", json={"features": row}).json() for row in rows]
    assert [one["confidence"] for one in alone] == pytest.approx([one["confidence"] for one in answer["predictions"]])
    assert set(answer) == {"predictions", "model", "trace_id"}


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_numbers_that_are_taken_are_answered(client: TestClient, sign: int) -> None:
    for alternating in (1, -1):
        row = {name: sign * LARGEST * alternating**index for index, name in enumerate(ROW)}
        assert client.post("/predict", json={"features": row}).status_code == 200


def test_a_probability_that_is_no_number_is_an_error_and_no_answer(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitals.model.served.ServedModel.ask", lambda *_: ModelOutput(np.full((1, 3), np.nan)))
    response = client.post("/predict", json={"features": ROW})
    assert response.status_code == 500
    assert response.json()["trace_id"]


def test_a_path_cannot_steer_a_terminal(client: TestClient) -> None:
    problem = client.get("/%1b%5d0;title%07%e2%80%ae%0a").json()
    assert problem["instance"].isprintable()
    assert "\\x1b]0;title\\x07" in problem["instance"]


def test_an_exception_in_the_model_shows_nothing_of_itself(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("vitals.model.served.ServedModel.predict", broken)
    response = client.post("/predict", json={"features": ROW})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.json()["trace_id"]) == 32
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text


def test_not_ready_until_the_model_is_loaded(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from vitals import app as wiring

    may_load = threading.Event()
    load = wiring.load_model

    def slow(folder: Path, **given: Any) -> Any:
        may_load.wait(30)
        return load(folder, **given)

    monkeypatch.setattr(wiring, "load_model", slow)
    with meter_of_its_own(), TestClient(create_app(Settings.load(model_dir=model_folder))) as client:
        for response in (client.get("/health/ready"), client.post("/predict", json={"features": ROW})):
            assert response.status_code == 503
            assert response.json()["title"] == "Not Ready"
            assert response.headers["retry-after"] == "1"
        assert client.get("/health/live").status_code == 200
        may_load.set()
        from .conftest import wait_until_ready

        wait_until_ready(client)
        assert client.post("/predict", json={"features": ROW}).status_code == 200


def test_the_openapi_document_describes_the_model(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    row = document["components"]["schemas"]["Features"]
    assert list(row["properties"]) == row["required"] == list(ROW)
    assert row["additionalProperties"] is False
    assert row["properties"]["petal_width"]["type"] == "number"
    assert (row["properties"]["petal_width"]["minimum"], row["properties"]["petal_width"]["maximum"]) == (-1e30, 1e30)
    assert "0.1 to 2.5 in the reference" in row["properties"]["petal_width"]["description"]
    assert client.post("/predict", json={"features": row["example"]}).status_code == 200
    asked = document["components"]["schemas"]["PredictRequest"]["oneOf"]
    assert asked[1]["properties"]["instances"]["maxItems"] == 100
    assert "application/problem+json" in document["paths"]["/predict"]["post"]["responses"]["422"]["content"]


def test_one_bad_row_does_not_fail_its_neighbours(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that share a call of the model are asked alone when it fails."""
    from contextlib import nullcontext

    from vitals.model.batcher import Batcher
    from vitals.model.served import load_model

    model = load_model(model_folder)
    predict, sizes = model.predict, []

    def picky(rows: Any) -> Any:
        sizes.append(len(rows))
        if any(row[0] < 0 for row in rows):
            raise ValueError("negative")
        return predict(rows)

    monkeypatch.setattr(model, "predict", picky)

    async def run() -> list[Any]:
        batcher: Batcher[None] = Batcher(model, around=lambda _: nullcontext(), max_size=64, queue_size=100)
        good, bad = [5.1, 3.5, 1.4, 0.2], [-1.0, 3.5, 1.4, 0.2]
        asked = [batcher.predict([row], None) for row in [good] * 5 + [bad] + [good] * 4]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await batcher.close()
        return outcomes

    outcomes = asyncio.run(run())
    assert [type(outcome).__name__ for outcome in outcomes] == ["list"] * 5 + ["ValueError"] + ["list"] * 4
    assert max(sizes) > 1, "the rows never shared a call"


def test_a_full_queue_is_answered_at_once(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading
    from contextlib import nullcontext

    from vitals.errors import Overloaded
    from vitals.model.batcher import Batcher
    from vitals.model.served import load_model

    model = load_model(model_folder)
    predict, go_on = model.predict, threading.Event()

    def blocked(rows: Any) -> Any:
        go_on.wait(30)
        return predict(rows)

    monkeypatch.setattr(model, "predict", blocked)

    async def run() -> list[Any]:
        batcher: Batcher[None] = Batcher(model, around=lambda _: nullcontext(), max_size=1, queue_size=2)
        asked = [asyncio.ensure_future(batcher.predict([[5.1, 3.5, 1.4, 0.2]], None)) for _ in range(8)]
        while not any(one.done() for one in asked):
            await asyncio.sleep(0)
        go_on.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await batcher.close()
        return outcomes

    outcomes = asyncio.run(run())
    refused = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    assert refused
    assert len(refused) < len(outcomes)
