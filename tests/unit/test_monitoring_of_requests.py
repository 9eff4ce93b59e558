"""What requests of any model are checked for, and what of them is counted and logged."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from vitals.api.predict import read_rows
from vitals.api.requests.column_values import LONGEST_CATEGORY
from vitals.api.requests.request_schema import add_request_schemas
from vitals.api.requests.rows import RowReader, Wrong
from vitals.bundle.folder import read_folder
from vitals.errors import InvalidInput
from vitals.monitoring.validation import possible_failures
from vitals.profiling.examples import train_example
from vitals.report.rows import rows_of_predictions
from vitals.settings.service import Settings

from .conftest import ROW, Emitted, one_more_service
from .reference import CLASSES, NUMBERS

GOOD: dict[str, Any] = {"sepal length (cm)": 1.5, "island": "Dream", "tagged": True, "code": 1}


def read(row: Any) -> Any:
    wrong = Wrong()
    values = RowReader(CLASSES).read(row, "features", wrong)
    wrong.raise_if_any()
    return values


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({}, [1.5, "Dream", True, 1]),
        ({"sepal length (cm)": 2}, [2.0, "Dream", True, 1]),
        ({"island": None}, [1.5, None, True, 1]),
        ({"tagged": False, "code": -7}, [1.5, "Dream", False, -7]),
        ({"code": 2.0}, [1.5, "Dream", True, 2]),
    ],
)
def test_what_the_profile_says_is_taken(change: dict[str, Any], values: list[Any]) -> None:
    row = read({**GOOD, **change})
    assert row == values
    assert list(map(type, row)) == list(map(type, values))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sepal length (cm)": "1.5"}, "type"),
        ({"sepal length (cm)": True}, "type"),
        ({"sepal length (cm)": math.nan}, "not_finite"),
        ({"sepal length (cm)": -math.inf}, "not_finite"),
        ({"sepal length (cm)": 10**400}, "too_large_number"),
        ({"sepal length (cm)": -1e308}, "too_large_number"),
        ({"sepal length (cm)": None}, "missing"),
        ({"island": "Atlantis"}, "unseen_category"),
        ({"island": 1}, "type"),
        ({"island": ["Dream"]}, "type"),
        ({"island": {}}, "type"),
        ({"tagged": 1}, "type"),
        ({"tagged": "true"}, "type"),
        ({"code": True}, "type"),
        ({"code": 1.5}, "type"),
        ({"code": "1"}, "type"),
        ({"code": 2**63}, "unseen_category"),
        ({"colour": 1}, "unknown_feature"),
    ],
)
def test_anything_else_is_refused_with_its_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read({**GOOD, **change})
    [(feature, counted)] = refused.value.counted
    assert counted == reason
    assert feature == ("(unknown)" if reason == "unknown_feature" else next(iter(change)))


def test_a_category_that_may_be_new_is_bounded() -> None:
    island = CLASSES.features[1].model_copy(update={"unseen_allowed": True})
    reader = RowReader(CLASSES.model_copy(update={"features": (island,)}))
    for text, taken in (("new", True), ("x" * LONGEST_CATEGORY, True), ("x" * (LONGEST_CATEGORY + 1), False), ("\ud800", False)):
        wrong = Wrong()
        reader.read({"island": text}, "features", wrong)
        if taken:
            wrong.raise_if_any()
        else:
            with pytest.raises(InvalidInput):
                wrong.raise_if_any()


def _anything(chance: random.Random, depth: int = 0) -> Any:
    kinds = [
        lambda: chance.choice([None, True, False, 0, 1, -1, 2**63, 10**400, 0.0, -0.0, 1e308, math.nan, math.inf, -math.inf]),
        lambda: chance.choice(["", "Dream", "1", "true", "\ud800", "\0", "features", "x" * 300, "instances", "(body)"]),
        lambda: chance.gauss(0, 10),
        lambda: chance.randrange(-5, 5),
        lambda: dict(GOOD),
    ]
    if depth < 3:
        names = [*GOOD, "features", "instances", "x", "(body)", ""]
        kinds.append(lambda: [_anything(chance, depth + 1) for _ in range(chance.randrange(4))])
        kinds.append(lambda: {chance.choice(names): _anything(chance, depth + 1) for _ in range(chance.randrange(6))})
    return chance.choice(kinds)()


def _read(body: Any, reader: RowReader) -> tuple[list[Any], InvalidInput | None]:
    try:
        return read_rows(body, reader, most=3)[0], None
    except InvalidInput as refused:
        return [], refused


def test_no_body_makes_anything_but_rows_or_a_refusal_that_can_be_counted() -> None:
    chance = random.Random(20)  # noqa: S311  (no secret is made of it)
    reader, countable = RowReader(CLASSES), set(possible_failures(CLASSES))
    taken = 0
    for _ in range(5_000):
        form = chance.choice(["features", "instances", "either"])
        row = {**GOOD, **{name: _anything(chance) for name in chance.sample(list(GOOD), chance.randrange(3))}}
        body = {"features": {"features": row}, "instances": {"instances": [row]}, "either": _anything(chance)}[form]
        rows, refused = _read(body, reader)
        if refused is not None:
            assert set(refused.counted) <= countable
            assert all(len(field.message) < 700 and field.message.isprintable() for field in refused.fields)
            continue
        taken += 1
        for number, island, tagged, code in rows:
            assert type(number) is float
            assert math.isfinite(number)
            assert island in (None, "Dream", "Biscoe")
            assert type(tagged) is bool
            assert type(code) is int
    assert 500 < taken < 4_500


def test_the_document_says_what_may_be_missing_and_what_a_category_may_be() -> None:
    from fastapi import FastAPI

    app = FastAPI()
    add_request_schemas(app, CLASSES, instances_max=7)
    schemas = app.openapi()["components"]["schemas"]
    row = schemas["Features"]
    assert row["required"] == ["sepal length (cm)", "tagged", "code"]
    assert row["properties"]["island"]["anyOf"] == [{"type": "string", "enum": ["Dream", "Biscoe"]}, {"type": "null"}]
    assert "may be missing or null" in row["properties"]["island"]["description"]
    assert row["properties"]["tagged"]["type"] == "boolean"
    assert row["properties"]["code"]["type"] == "integer"
    assert "others are taken" in row["properties"]["code"]["description"]
    assert "0 to 3 in the reference" in row["properties"]["sepal length (cm)"]["description"]
    add_request_schemas(app := FastAPI(), NUMBERS, instances_max=7)
    assert app.openapi()["components"]["schemas"]["Label"]["properties"]["label"]["type"] == "number"


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory, memory: Emitted) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("penguins")
    train_example(folder, "penguins")
    with one_more_service(Settings.load(model_dir=folder, log_features=True)) as client:
        yield client


def counted(emitted: Emitted, metric: str, model: str, *keys: str) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for point in emitted.points(metric):
        if point.attributes["ml.model.name"] == model:
            key = tuple(point.attributes.get(key) for key in keys)
            found[key] = found.get(key, 0) + point.value
    return found


@pytest.mark.slow
def test_rows_are_counted_when_they_are_answered_and_not_when_refused(penguins: TestClient, emitted: Emitted) -> None:
    keys = ("ml.feature.name", "ml.feature.bin")
    before = counted(emitted, "ml.feature.observations", "penguins", *keys)
    good = {"island": "Biscoe", "bill_length_mm": 1000, "bill_depth_mm": 14.2, "flipper_length_mm": 209, "body_mass_g": 4600}
    assert penguins.post("/predict", json={"instances": [good, {**good, "island": "Atlantis"}]}).status_code == 200
    assert penguins.post("/predict", json={"instances": [good, {**good, "island": 7}]}).status_code == 422
    after = counted(emitted, "ml.feature.observations", "penguins", *keys)
    grown = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    assert grown["island", "Biscoe"] == grown["island", "(unseen)"] == 1
    assert grown["bill_length_mm", "(above)"] == grown["sex", "(missing)"] == 2
    assert sum(grown.values()) == 12
    assert (
        counted(emitted, "ml.validation.failures", "penguins", "ml.feature.name", "ml.validation.reason")["island", "type"] >= 1
    )


def test_rows_that_break_the_model_are_counted_too(client: TestClient, emitted: Emitted, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("no answer to this")

    def above() -> float:
        return counted(emitted, "ml.feature.observations", "iris", "ml.feature.name", "ml.feature.bin")["petal_width", "(above)"]

    before, predictions = above(), counted(emitted, "ml.predictions", "iris")
    monkeypatch.setattr("vitals.model.served.ServedModel.predict", broken)
    assert client.post("/predict", json={"features": {**ROW, "petal_width": 7e7}}).status_code == 500
    assert above() == before + 1
    assert counted(emitted, "ml.predictions", "iris") == predictions


@pytest.mark.slow
def test_features_are_logged_where_the_operator_says_so(penguins: TestClient, emitted: Emitted) -> None:
    penguins.post("/predict", json={"instances": [{"island": "Biscoe"}, {"bill_length_mm": 40}]})
    [event] = [log.log_record for log in emitted.logs if log.log_record.event_name == "ml.prediction"]
    first, second = json.loads(event.attributes["ml.prediction.features"])
    assert (first["island"], first["sex"], second["bill_length_mm"]) == ("Biscoe", None, 40.0)
    assert "ml.prediction.features_omitted" not in event.attributes
    span = emitted.span("POST /predict")
    assert "ml.prediction.features" not in (span.attributes or {})


@pytest.mark.slow
def test_what_is_logged_of_one_request_is_bounded_and_what_is_left_out_is_told(
    penguins: TestClient, emitted: Emitted, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitals.api.prediction_service.MOST_LOGGED_BYTES", 1000)
    rows = [{"island": "Bäscoe"[:at] + "é" * at, "body_mass_g": at} for at in range(40)]
    answered = penguins.post("/predict", json={"instances": rows}).json()["predictions"]
    [event] = [log.log_record for log in emitted.logs if log.log_record.event_name == "ml.prediction"]
    text, omitted = event.attributes["ml.prediction.features"], event.attributes["ml.prediction.features_omitted"]
    logged = json.loads(text)
    assert 850 < len(text.encode()) <= 1000
    assert [one["body_mass_g"] for one in logged] == list(range(40 - omitted))

    model = penguins.get("/model").json()
    assert [one["name"] for one in model["features"]] == list(logged[0])
    folder = tmp_path_factory.mktemp("again")
    train_example(folder, "penguins")
    read_back = rows_of_predictions([dict(event.attributes)], read_folder(folder).profile)
    assert (read_back.omitted, read_back.unreadable) == (omitted, 0)
    assert [row.id for row in read_back.rows] == [one["prediction_id"] for one in answered[: 40 - omitted]]
    emitted.clear()

    monkeypatch.setattr("vitals.api.prediction_service.MOST_LOGGED_BYTES", 20)
    penguins.post("/predict", json={"features": {"island": "Biscoe"}})
    [event] = [log.log_record for log in emitted.logs if log.log_record.event_name == "ml.prediction"]
    assert (event.attributes["ml.prediction.features"], event.attributes["ml.prediction.features_omitted"]) == ("[]", 1)
    read_back = rows_of_predictions([dict(event.attributes)], read_folder(folder).profile)
    assert (read_back.rows, read_back.omitted, read_back.unreadable) == ([], 1, 0)


@pytest.mark.slow
def test_a_regression_answers_a_number_and_nothing_about_confidence(tmp_path: Path, memory: Emitted, emitted: Emitted) -> None:
    train_example(tmp_path, "diabetes")
    with one_more_service(Settings.load(model_dir=tmp_path)) as client:
        model = client.get("/model").json()
        row = {feature["name"]: feature["example"] for feature in model["features"]}
        emitted.clear()
        predicted = ("ml.predictions", "diabetes", "ml.prediction.bin")
        before, wrong_before = counted(emitted, *predicted), counted(emitted, "ml.label.absolute_error", "diabetes")
        answer = client.post("/predict", json={"features": row}).json()
        assert set(answer) == {"prediction_id", "prediction", "model", "trace_id"}
        assert isinstance(answer["prediction"], float)
        [event] = [log.log_record for log in emitted.logs if log.log_record.event_name == "ml.prediction"]
        assert event.attributes["ml.prediction.value"] == answer["prediction"]
        assert "ml.prediction.confidence" not in event.attributes
        assert sum(counted(emitted, *predicted).values()) == sum(before.values()) + 1
        label = {"prediction_id": answer["prediction_id"], "label": answer["prediction"] + 2}
        assert client.post("/labels", json=label).json()["accepted"] == 1
        assert counted(emitted, "ml.label.absolute_error", "diabetes")[()] == pytest.approx(wrong_before.get((), 0) + 2)
        labelled = emitted.logs[-1].log_record
        assert labelled.event_name == "ml.label"
        assert labelled.attributes["ml.label.value"] == str(answer["prediction"] + 2)
        again = client.post("/predict", json={"features": row}).json()["prediction_id"]
        assert client.post("/labels", json={"prediction_id": again, "label": "much"}).status_code == 422


@pytest.mark.slow
def test_monitoring_stays_within_its_budget() -> None:
    """The best of five, against what one `add` of the SDK's counter costs in the same run: a slow machine slows both."""
    import importlib.util

    path = Path(__file__).parents[2] / "benchmarks" / "hot_path.py"
    spec = importlib.util.spec_from_file_location("hot_path", path)
    assert spec is not None
    assert spec.loader is not None
    hot_path = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hot_path)
    runs = [hot_path.measure(4, runs=3) for _ in range(5)]
    assert min(run["everything"] / run["one_add_of_the_sdk"] for run in runs) < hot_path.BUDGET_ADDS, runs
