"""The Open Inference Protocol V2, spoken by a public client to a real server on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

import vitals
from vitals.profiling.examples import train_example

from .conftest import ROW, Emitted
from .served_over_http import serving

FOUR = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.8, 2.2]]
PENGUIN: dict[str, Any] = {
    "island": "Biscoe",
    "bill_length_mm": 47.5,
    "bill_depth_mm": 14.2,
    "flipper_length_mm": 209,
    "body_mass_g": 4600,
    "sex": "female",
}


@pytest.fixture(scope="module")
def iris(model_folder: Path, memory: Emitted) -> Iterator[str]:
    with serving(model_folder) as address:
        yield address


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory, memory: Emitted) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("penguins")
    train_example(folder, "penguins")
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory: pytest.TempPathFactory, memory: Emitted) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("diabetes")
    train_example(folder, "diabetes")
    with serving(folder) as address:
        yield address


def tensor(name: str, datatype: str, values: Any) -> triton.InferInput:
    dtype = {"BYTES": np.object_, "FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "BOOL": np.bool_}[datatype]
    array = np.array(values, dtype=dtype)
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=False)
    return made


def test_the_client_finds_a_server_that_lives_and_is_ready(iris: str) -> None:
    with triton.InferenceServerClient(iris) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("iris")
        assert not client.is_model_ready("other")
        assert client.get_server_metadata() == {"name": "vitals", "version": vitals.__version__, "extensions": []}
        metadata = client.get_model_metadata("iris")
        assert metadata["inputs"] == [{"name": name, "datatype": "FP64", "shape": [-1]} for name in ROW]
        assert {"name": "probabilities", "datatype": "FP64", "shape": [-1, 3]} in metadata["outputs"]
        [version] = metadata["versions"]
        assert client.is_model_ready("iris", version)
        assert client.get_model_metadata("iris", version) == metadata
        assert not client.is_model_ready("iris", "000000000000")


def test_no_installed_distribution_is_asked_for_our_own_version() -> None:
    """In a container there is none; and its name is not the package's."""
    modules = Path(vitals.__file__).parent.rglob("*.py")
    asking = re.compile(r"\b(version|version_of|metadata|distribution)\(\s*[\"']vitals")
    assert [module for module in modules if asking.search(module.read_text())] == []


@pytest.mark.parametrize("together", [True, False])
def test_the_client_infers_what_predict_answers(iris: str, together: bool) -> None:
    if together:
        inputs = [tensor("features", "FP64", FOUR)]
    else:
        inputs = [tensor(name, "FP64", [row[index] for row in FOUR]) for index, name in enumerate(ROW)]
    with triton.InferenceServerClient(iris) as client:
        result = client.infer("iris", inputs, request_id="seven")
    assert result.as_numpy("predict").tolist() == ["setosa", "virginica"]
    assert result.as_numpy("probabilities").shape == (2, 3)
    assert result.get_response()["id"] == "seven"
    rows = [dict(zip(ROW, row, strict=True)) for row in FOUR]
    answers = httpx.post(f"http://{iris}/predict", json={"instances": rows}).json()["predictions"]
    assert result.as_numpy("confidence").tolist() == pytest.approx([one["confidence"] for one in answers])
    label = {"prediction_id": result.as_numpy("prediction_id")[0], "label": "setosa"}
    assert httpx.post(f"http://{iris}/labels", json=label).json()["accepted"] == 1


def test_the_client_chooses_outputs_and_other_types_of_numbers(iris: str) -> None:
    inputs = [tensor(name, "FP32", [[row[index]] for row in FOUR]) for index, name in enumerate(ROW)]
    with triton.InferenceServerClient(iris) as client:
        result = client.infer("iris", inputs, outputs=[triton.InferRequestedOutput("confidence", binary_data=False)])
    assert [one["name"] for one in result.get_response()["outputs"]] == ["confidence"]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_the_client_compresses_what_it_sends(iris: str, coding: str) -> None:
    with triton.InferenceServerClient(iris) as client:
        result = client.infer(
            "iris",
            [tensor("input-0", "FP32", FOUR)],
            request_compression_algorithm=coding,
            response_compression_algorithm=coding,
        )
    assert result.as_numpy("predict").tolist() == ["setosa", "virginica"]


@pytest.mark.slow
def test_text_numbers_and_gaps_in_one_request(penguins: str) -> None:
    kinds = {name: "BYTES" if isinstance(value, str) else "FP64" for name, value in PENGUIN.items()}
    with triton.InferenceServerClient(penguins) as client:
        result = client.infer("penguins", [tensor(name, kinds[name], [value] * 2) for name, value in PENGUIN.items()])
        assert result.as_numpy("predict").tolist() == ["Gentoo", "Gentoo"]
    inputs: list[dict[str, Any]] = [
        {"name": name, "shape": [2], "datatype": kinds[name], "data": [value, None]}
        for name, value in PENGUIN.items()
        if name != "sex"
    ]
    answer = httpx.post(f"http://{penguins}/v2/models/penguins/infer", json={"inputs": inputs})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["data"][0] == "Gentoo"


@pytest.mark.slow
def test_numbers_come_out_of_a_regression(diabetes: str) -> None:
    with triton.InferenceServerClient(diabetes) as client:
        names = [one["name"] for one in client.get_model_metadata("diabetes")["inputs"]]
        result = client.infer("diabetes", [tensor("features", "FP64", [[0.0] * len(names)])])
        assert result.as_numpy("predict").dtype == np.float64
        assert [one["name"] for one in result.get_response()["outputs"]] == ["predict", "prediction_id"]


def _one(**changes: Any) -> dict[str, Any]:
    return {"name": "features", "shape": [1, 4], "datatype": "FP64", "data": FOUR[:1], **changes}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "inputs: must be a list of tensors"),
        ([], "must be an object"),
        ({"inputs": []}, "inputs: must be a list of tensors"),
        ({"inputs": [1]}, "inputs.0: must be an object"),
        ({"inputs": [_one(shape=[2, 4])]}, "as many elements"),
        ({"inputs": [_one(shape=[1, 3], data=[1, 2, 3])]}, "of the shape [rows, 4]"),
        ({"inputs": [_one(shape=[-1, 4])]}, "must have a shape"),
        ({"inputs": [_one(shape=[True, 4])]}, "must have a shape"),
        ({"inputs": [_one(datatype="BYTES")]}, "of numbers"),
        ({"inputs": [_one(datatype=7)]}, "datatype"),
        ({"inputs": [_one(data="x")]}, "must have data"),
        ({"inputs": [_one(data=[1, 2, 3, [4]])]}, "as many elements as its shape says, flat or nested as it says"),
        ({"inputs": [_one(data=[[1], [2], [3], [4]])]}, "as many elements as its shape says, flat or nested as it says"),
        ({"inputs": [_one(data=[[1, 2, 3, {}]])]}, "inputs.0.petal_width: must be a number"),
        ({"inputs": [_one(data=[1, 2, 3, "4"])]}, "inputs.0.petal_width: must be a number"),
        ({"inputs": [_one(shape=[0, 4], data=[])]}, "has no row"),
        ({"inputs": [_one(shape=[101, 4], data=[1] * 404)]}, "the limit is 100"),
        ({"inputs": [_one(), _one()]}, "two tensors of one name"),
        ({"inputs": [_one(parameters={"binary_data_size": 32})]}, "has binary data"),
        ({"inputs": [_one(name="colour", shape=[4], data=[1, 2, 3, 4])]}, "'colour' is not a feature"),
        ({"inputs": [_one(name="petal_width", shape=[1], data=[1])]}, "inputs.0.sepal_length: is missing"),
        ({"inputs": [_one()], "outputs": [{"name": "odds"}]}, "outputs: must each name one of predict, confidence"),
        ({"inputs": [_one()], "outputs": {}}, "outputs: must be a list"),
        ({"inputs": [_one()], "id": 7}, "id: must be Unicode text"),
        ({"inputs": [_one()], "id": "\ud800"}, "id: must be Unicode text"),
        ({"inputs": [_one()], "outputs": [{"name": "\ud800"}]}, "outputs: must each name one of predict, confidence"),
        ({"inputs": [_one(name="\ud800", shape=[1], data=[1])]}, "'\\ud800' is not a feature"),
        ({"inputs": [_one(datatype="\ud800")]}, "must have a datatype, one of BOOL, BYTES"),
        ({"inputs": [_one(data=[1, 2, 3, 1e300])]}, "inputs.0.petal_width: must be a number from -1e+30 to 1e+30"),
    ],
)
def test_wrong_tensors_are_told_in_the_protocols_form(iris: str, emitted: Emitted, body: Any, told: str) -> None:
    # Not the client's own JSON: it can't write half of a surrogate pair.
    content, kind = json.dumps(body), {"content-type": "application/json"}
    response = httpx.post(f"http://{iris}/v2/models/iris/infer", content=content, headers=kind)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert told in response.json()["error"]
    assert response.headers["traceresponse"]
    assert [log.log_record.event_name for log in emitted.logs] == ["ml.validation.failed"]


def test_binary_tensors_are_refused_with_a_sentence(iris: str) -> None:
    binary = triton.InferInput("features", [1, 4], "FP64")
    binary.set_data_from_numpy(np.array(FOUR[:1]))
    with triton.InferenceServerClient(iris) as client, pytest.raises(InferenceServerException, match="send JSON"):
        client.infer("iris", [binary])


def test_another_model_and_a_body_over_the_limit_are_told_in_the_protocols_form(iris: str) -> None:
    with triton.InferenceServerClient(iris) as client:
        with pytest.raises(InferenceServerException, match="This server has the model iris"):
            client.infer("other", [tensor("features", "FP64", FOUR)])
        with pytest.raises(InferenceServerException, match="There is nothing at"):
            client.get_inference_statistics("iris")
    over = httpx.post(f"http://{iris}/v2/models/iris/infer", content=b" " * 2_000_000)
    assert (over.status_code, set(over.json())) == (413, {"error"})


def test_it_is_counted_as_any_other_request(iris: str, emitted: Emitted) -> None:
    def total(metric: str, **attributes: str) -> float:
        points = emitted.points(metric)
        return sum(point.value for point in points if attributes.items() <= dict(point.attributes).items())

    watched: list[Callable[[], float]] = [
        lambda: total("ml.feature.observations", **{"ml.model.name": "iris", "ml.feature.name": "petal_width"}),
        lambda: total("ml.predictions", **{"ml.model.name": "iris"}),
        lambda: total("ml.validation.failures", **{"ml.feature.name": "petal_width", "ml.validation.reason": "type"}),
        lambda: total("ml.validation.failures", **{"ml.feature.name": "(body)", "ml.validation.reason": "too_large"}),
    ]
    before = [one() for one in watched]
    httpx.post(f"http://{iris}/v2/models/iris/infer", json={"inputs": [_one(shape=[2, 4], data=FOUR)]})
    httpx.post(f"http://{iris}/v2/models/iris/infer", json={"inputs": [_one(data=[1, 2, 3, "4"])]})
    httpx.post(f"http://{iris}/v2/models/iris/infer", content=b" " * 2_000_000)
    assert [one() - was for one, was in zip(watched, before, strict=True)] == [2, 2, 1, 1]
    [event] = [log.log_record for log in emitted.logs if log.log_record.event_name == "ml.prediction"]
    assert list(event.attributes["ml.prediction.class"]) == ["setosa", "virginica"]
    assert {span.name for span in emitted.spans} >= {"POST /v2/models/{model_name}/infer", "predict batch"}
