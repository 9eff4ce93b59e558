"""Labels: an answer's id carries what is needed, and nothing that was not signed is believed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from vitals.bundle.schema import Profile
from vitals.errors import SettingsError
from vitals.monitoring import labels as labelling
from vitals.monitoring.labels import MOST_VERSIONS, LabelMetrics, LabelRefused
from vitals.monitoring.prediction_key import prediction_key, share_ephemeral_key
from vitals.settings.service import Settings

from .conftest import ROW, Emitted
from .reference import CLASSES, MODEL, NUMBERS
from .test_labels_ids import NOW, VERSION, ids_of
from .test_monitoring import Measured

DAY = 86_400.0
CONFUSION = ("ml.prediction.class", "ml.label.class", "ml.label.correct")


@pytest.fixture
def measured() -> Measured:
    return Measured()


def metrics_of(measured: Measured, profile: Profile = CLASSES) -> LabelMetrics:
    return LabelMetrics(measured.meter, profile, MODEL, ids_of(profile), max_age_seconds=30 * DAY)


def refusal(metrics: LabelMetrics, prediction_id: object, label: object, now: float = NOW) -> str:
    with pytest.raises(LabelRefused) as refused:
        metrics.take(prediction_id, label, now)
    return refused.value.reason


def test_labels_are_counted_by_predicted_and_true_class(measured: Measured) -> None:
    metrics, ids = metrics_of(measured), ids_of(CLASSES)
    before = measured.points("ml.labels", *CONFUSION)
    assert set(before.values()) == {0}
    assert len(before) == 3 * 3 + 1, "c and d share a bin: within it a label may be right or wrong"
    right = metrics.take(ids.of_class(0, 0.9, NOW), "a", NOW + DAY)
    assert (right.correct, right.label, right.predicted) == (True, "a", "a")
    assert metrics.take(ids.of_class(1, 0.5, NOW), "a", NOW).correct is False
    assert metrics.take(ids.of_class(2, 0.9, NOW), "d", NOW).correct is False
    assert metrics.take(ids.of_class(3, None, NOW), "d", NOW).correct is True
    assert {key: value for key, value in measured.points("ml.labels", *CONFUSION).items() if value} == {
        ("a", "a", "true"): 1,
        ("b", "a", "false"): 1,
        ("(other)", "(other)", "false"): 1,
        ("(other)", "(other)", "true"): 1,
    }
    assert measured.points("ml.label.expected_correct")[None] == pytest.approx(2.3, abs=1e-4)
    assert measured.points("ml.label.absolute_error") == {}


def test_numbers_are_counted_by_their_distance(measured: Measured) -> None:
    metrics, ids = metrics_of(measured, NUMBERS), ids_of(NUMBERS)
    metrics.take(ids.of_value(10.0, NOW), 12.5, NOW)
    assert metrics.take(ids.of_value(10.0, NOW), 9, NOW).correct is None
    assert measured.points("ml.labels") == {None: 2}
    assert measured.points("ml.label.absolute_error") == {None: 3.5}
    for label in ("12", True, None, float("nan"), float("inf"), 10**400, 1e300, [1.0]):
        assert refusal(metrics, ids.of_value(10.0, NOW), label) == "malformed"
    assert measured.points("ml.label.absolute_error") == {None: 3.5}


def test_each_refusal_has_its_reason_and_is_counted(measured: Measured) -> None:
    metrics, ids = metrics_of(measured), ids_of(CLASSES)
    assert measured.points("ml.label.refusals", "ml.label.refusal.reason") == dict.fromkeys(
        ("malformed", "forged", "expired", "repeated", "unknown_version", "unknown_class"), 0
    )
    once = ids.of_class(0, 0.5, NOW)
    metrics.take(once, "a", NOW)
    assert refusal(metrics, once, "b") == "repeated"
    assert refusal(metrics, "nonsense", "a") == "malformed"
    assert refusal(metrics, ids_of(CLASSES, key=b"x" * 32).of_class(0, 0.5, NOW), "a") == "forged"
    assert refusal(metrics, ids.of_class(0, 0.5, NOW - 31 * DAY), "a") == "expired"
    assert refusal(metrics, ids.of_class(0, 0.5, NOW + 400), "a") == "malformed"
    assert metrics.take(ids.of_class(0, 0.5, NOW + 200), "a", NOW).correct, "clocks of replicas differ"
    other_classes = CLASSES.model_copy(update={"classes": ("a", "b", "c")})
    for other in (ids_of(other_classes), ids_of(CLASSES, name="other")):
        assert refusal(metrics, other.of_class(0, 0.5, NOW), "a") == "unknown_version"
    assert refusal(metrics, ids_of(NUMBERS).of_value(0.5, NOW), "a") == "unknown_version"
    again = ids.of_class(0, 0.5, NOW)
    for label in ("zebra", 7, 1.5, True):
        assert refusal(metrics, again, label) == "unknown_class"
    for label in (None, [], {}, float("nan")):
        assert refusal(metrics, again, label) == "malformed"
    assert metrics.take(again, "a", NOW).correct, "a refused label does not use up the prediction"
    assert measured.points("ml.label.refusals", "ml.label.refusal.reason") == {
        "malformed": 6,
        "forged": 1,
        "expired": 1,
        "repeated": 1,
        "unknown_version": 3,
        "unknown_class": 4,
    }


def test_labels_of_earlier_versions_count_for_them_and_versions_are_bounded() -> None:
    class Unnamed(Measured):
        def versions(self) -> dict[str, float]:
            found: dict[str, float] = {}
            for point in self.exported("ml.labels"):
                version = point.attributes["ml.model.version"]
                found[version] = found.get(version, 0) + point.value
            return found

    measured = Unnamed()
    metrics = metrics_of(measured)
    earlier = [f"{number:012x}" for number in range(MOST_VERSIONS)]
    for version in earlier[:-1]:
        assert metrics.take(ids_of(CLASSES, version=version).of_class(0, 0.5, NOW), "a", NOW).version == version
    assert refusal(metrics, ids_of(CLASSES, version=earlier[-1]).of_class(0, 0.5, NOW), "a") == "unknown_version"
    assert measured.versions() == {VERSION: 0, **dict.fromkeys(earlier[:-1], 1)}


def test_classes_may_be_given_as_numbers_and_truth_values(measured: Measured) -> None:
    profile = CLASSES.model_copy(update={"classes": ("0", "1", "true", "false")})
    metrics, ids = metrics_of(measured, profile), ids_of(profile)
    accepted = [metrics.take(ids.of_class(0, 0.5, NOW), label, NOW).label for label in (0, 1.0, True, False, "0")]
    assert accepted == ["0", "1", "true", "false", "0"]
    assert refusal(metrics, ids.of_class(0, 0.5, NOW), 10**5000) == "malformed"


def test_repetition_is_remembered_within_bounds(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "REMEMBERED", 10)
    metrics, ids = metrics_of(measured), ids_of(CLASSES)
    made = [ids.of_class(0, 0.5, NOW) for _ in range(11)]
    for one in made:
        metrics.take(one, "a", NOW)
    assert refusal(metrics, made[-1], "a") == "repeated"
    assert refusal(metrics, made[1], "a") == "repeated"
    assert metrics.take(made[0], "a", NOW).correct, "the eleventh pushed it out"


def test_the_key_file_is_checked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "prediction-key"
    path.write_text("0123456789abcdef0123456789abcdef\n")
    path.chmod(0o600)
    assert prediction_key(path) == b"0123456789abcdef0123456789abcdef"
    assert not caplog.records
    path.chmod(0o644)
    prediction_key(path)
    assert "chmod 600" in caplog.text
    path.write_text("short")
    with pytest.raises(SettingsError, match="has 5 bytes"):
        prediction_key(path)
    with pytest.raises(SettingsError, match="can't be read"):
        prediction_key(tmp_path / "absent")


def test_workers_share_a_key_that_no_file_has(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("VITALS_EPHEMERAL_PREDICTION_KEY", "")
    assert prediction_key(None) != prediction_key(None)
    assert "PREDICTION_KEY_FILE is not set" in caplog.text
    share_ephemeral_key()
    assert prediction_key(None) == prediction_key(None)


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7200), ("30d", 2_592_000)])
def test_ages_are_written_with_a_unit(written: str, seconds: int) -> None:
    assert Settings.load(labels_max_age=written).labels_max_age_seconds == seconds


@pytest.mark.parametrize("written", ["", "0d", "d", "1w", "-1d", "1.5h"])
def test_an_age_that_is_none_is_told(written: str) -> None:
    with pytest.raises(SettingsError, match="LABELS_MAX_AGE"):
        Settings.load(labels_max_age=written)


def ask(client: TestClient) -> str:
    return str(client.post("/predict", json={"features": ROW}).json()["prediction_id"])


def test_a_label_is_answered_and_is_one_event(client: TestClient, emitted: Emitted) -> None:
    prediction_id = ask(client)
    emitted.clear()
    answer = client.post("/labels", json={"prediction_id": prediction_id, "label": "virginica"}).json()
    assert (answer["accepted"], answer["refused"]) == (1, [])
    [event] = [log.log_record for log in emitted.logs]
    assert event.event_name == "ml.label"
    assert {
        "ml.model.name": "iris",
        "ml.prediction.id": prediction_id,
        "ml.prediction.class": "setosa",
        "ml.label.value": "virginica",
        "ml.label.correct": False,
    }.items() <= event.attributes.items()
    assert len(event.attributes["log.record.uid"]) == 32


def test_the_event_of_one_prediction_has_one_id_whoever_writes_it(client: TestClient, emitted: Emitted) -> None:
    """Another replica does not know that a label was taken already; the store does."""
    state = client.app.state.vitals  # type: ignore[attr-defined]
    prediction_id = ask(client)
    emitted.clear()
    for _ in range(2):
        client.post("/labels", json={"prediction_id": prediction_id, "label": "setosa"})
        state.monitoring.labels._labelled.clear()
    uids = {log.log_record.attributes["log.record.uid"] for log in emitted.logs}
    assert len(emitted.logs) == 2
    assert len(uids) == 1


@pytest.mark.parametrize(
    ("change", "label", "status", "kind"),
    [
        (lambda made: made[:-1] + ("A" if made[-1] != "A" else "B"), "setosa", 403, "label-forged"),
        (lambda _: "x", "setosa", 422, "label-malformed"),
        (lambda _: None, "setosa", 422, "label-malformed"),
        (lambda made: made, "rose\n\x1b[31m" * 100, 422, "label-unknown-class"),
        (lambda made: made, {"secret": 1}, 422, "label-malformed"),
    ],
)
def test_a_refused_label_is_a_problem_that_says_why(
    client: TestClient, emitted: Emitted, change: Any, label: Any, status: int, kind: str
) -> None:
    prediction_id = ask(client)
    emitted.clear()
    response = client.post("/labels", json={"prediction_id": change(prediction_id), "label": label})
    problem = response.json()
    assert (response.status_code, problem["type"]) == (status, f"urn:vitals:problem:{kind}")
    assert len(problem["trace_id"]) == 32
    written = "".join(f"{log.log_record.body} {dict(log.log_record.attributes)}" for log in emitted.logs) + response.text
    assert "rose" not in written, "what a client wrote goes nowhere"
    assert "secret" not in written


def test_a_repeated_and_an_expired_label_have_their_own_status(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    prediction_id = ask(client)
    given = {"prediction_id": prediction_id, "label": "setosa"}
    assert [client.post("/labels", json=given).status_code for _ in range(2)] == [200, 409]
    late = time.time() + 31 * DAY
    prediction_id = ask(client)
    monkeypatch.setattr("vitals.monitoring.model_monitoring.time.time", lambda: late)
    assert client.post("/labels", json={"prediction_id": prediction_id, "label": "setosa"}).status_code == 410


def test_several_labels_are_answered_one_by_one(client: TestClient) -> None:
    good = ask(client)
    given = [
        {"prediction_id": good, "label": "setosa"},
        {"prediction_id": good, "label": "setosa"},
        {"prediction_id": "x", "label": "setosa"},
        {"prediction_id": ask(client)},
        7,
        {"prediction_id": ask(client), "label": "zebra"},
    ]
    response = client.post("/labels", json={"labels": given})
    answer = response.json()
    assert response.status_code == 200
    assert answer["accepted"] == 1
    assert [(one["index"], one["reason"]) for one in answer["refused"]] == [
        (1, "repeated"),
        (2, "malformed"),
        (3, "malformed"),
        (4, "malformed"),
        (5, "unknown_class"),
    ]


@pytest.mark.parametrize("body", [{}, [], 1, {"labels": []}, {"labels": {}}, {"labels": [1], "more": 1}, {"labels": [{}] * 101}])
def test_a_body_without_labels_is_malformed(client: TestClient, body: Any) -> None:
    response = client.post("/labels", json=body)
    assert (response.status_code, response.json()["type"]) == (422, "urn:vitals:problem:label-malformed")
    assert client.post("/labels", content=b"{").json()["detail"] == "The body is not valid JSON."
