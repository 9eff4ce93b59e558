"""What is counted about a model: every series by name, from the start, and nothing that a user could name."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from vitals.bundle.schema import Predictions
from vitals.errors import ModelMismatch
from vitals.model_events import histograms
from vitals.monitoring.features import LATEST_ROWS, FeatureMetrics
from vitals.monitoring.predictions import Calibration, PredictionMetrics
from vitals.monitoring.reference import add_reference_metrics
from vitals.monitoring.validation import ValidationMetrics
from vitals.telemetry import Counts

from .reference import CLASSES, ISLAND, MODEL, NUMBER, NUMBERS, bins


class Measured:
    """Instruments of a provider of their own, and what they export."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider([self._reader], views=histograms.VIEWS)
        self.meter: Meter = self._provider.get_meter("test")

    def points(self, metric: str, *keys: str) -> dict[Any, float]:
        """The metric's values by the values of these attributes; the model's are on every point."""
        found = {}
        for point in self.exported(metric):
            named: Mapping[str, Any] = dict(point.attributes or {})
            assert MODEL.items() <= named.items()
            assert set(named) == {*MODEL, *keys}
            found[tuple(named[key] for key in keys) if len(keys) > 1 else named[keys[0]] if keys else None] = point.value
        return found

    def exported(self, metric: str) -> list[Any]:
        """The metric's points; the SDK's metrics about itself may stand beside ours."""
        data = self._reader.get_metrics_data()
        scopes = data.resource_metrics[0].scope_metrics if data else []
        return [point for scope in scopes for one in scope.metrics if one.name == metric for point in one.data.data_points]


@pytest.fixture
def measured() -> Measured:
    return Measured()


def test_features_are_counted_by_bin_from_zero(measured: Measured) -> None:
    metrics = FeatureMetrics(measured.meter, CLASSES, MODEL)
    keys = ("ml.feature.name", "ml.feature.bin", "ml.drift.bin")
    before = measured.points("ml.feature.observations", *keys)
    assert set(before.values()) == {0}
    assert len(before) == sum(len(feature.bins) for feature in CLASSES.features)
    rows: list[list[Any]] = [
        [-1.0, "Dream", True, 1],
        [0.0, None, False, 2],
        [1.0, "Biscoe", True, 3],
        [3.0, "Atlantis", True, 1],
        [3.5, "Dream", True, 1],
    ]
    for row in rows:
        metrics.count(row)
    after = measured.points("ml.feature.observations", *keys)
    assert {key: value for key, value in after.items() if value} == {
        ("sepal length (cm)", "(below)", "01"): 1,
        ("sepal length (cm)", "01", "01"): 1,
        ("sepal length (cm)", "02", "02"): 2,
        ("sepal length (cm)", "(above)", "02"): 1,
        ("island", "Dream", "Dream"): 2,
        ("island", "Biscoe", "Biscoe"): 1,
        ("island", "(unseen)", "(unseen)"): 1,
        ("island", "(missing)", "(missing)"): 1,
        ("tagged", "true", "true"): 4,
        ("tagged", "false", "false"): 1,
        ("code", "1", "1"): 3,
        ("code", "2", "2"): 1,
        ("code", "(unseen)", "(unseen)"): 1,
    }
    assert set(after) == set(before), "no request makes a series"


def test_the_variance_is_of_the_latest_rows_that_have_a_value(measured: Measured) -> None:
    metrics = FeatureMetrics(measured.meter, CLASSES, MODEL)
    metrics.count([100.0, None, True, 1])
    assert measured.points("ml.feature.variance", "ml.feature.name") == {}, "one row does not vary"
    metrics.count([2.0, None, True, 1])
    assert measured.points("ml.feature.variance", "ml.feature.name") == {"sepal length (cm)": 4802.0, "tagged": 0.0}
    numbers = [float(number % 7) for number in range(LATEST_ROWS)]
    for number in numbers:
        metrics.count([number, None, number > 3, 1])
    exported = measured.points("ml.feature.variance", "ml.feature.name")
    assert exported["sepal length (cm)"] == pytest.approx(statistics.variance(numbers)), "100 has left the latest rows"
    assert exported["tagged"] == pytest.approx(statistics.variance([float(number > 3) for number in numbers]))
    metrics.count([1.7e308, None, True, 1])
    assert list(measured.points("ml.feature.variance", "ml.feature.name")) == ["tagged"], (
        "one value must not cost the others theirs"
    )


def test_classes_are_counted_and_what_their_confidence_is_worth(measured: Measured) -> None:
    metrics = PredictionMetrics(measured.meter, CLASSES, MODEL)
    keys = ("ml.prediction.class", "ml.drift.bin")
    assert measured.points("ml.predictions", *keys) == {("b", "b"): 0, ("a", "a"): 0, ("(other)", "(other)"): 0}
    worth = [metrics.count_class(index, confidence) for index, confidence in ((0, 0.6), (1, 0.8), (2, 0.81), (3, 1.0))]
    assert worth == [0.5, 0.5, 0.9, 0.9]
    assert measured.points("ml.predictions", *keys) == {("b", "b"): 1, ("a", "a"): 1, ("(other)", "(other)"): 2}
    assert measured.points("ml.prediction.expected_correct") == {None: pytest.approx(2.8)}
    assert measured.points("ml.model.info", "ml.model.task") == {"classification": 1}


def test_predicted_numbers_are_counted_by_bin(measured: Measured) -> None:
    metrics = PredictionMetrics(measured.meter, NUMBERS, MODEL)
    for value in (-1.0, 5.0, 10.0, 30.0, 31.0):
        metrics.count_value(value)
    assert measured.points("ml.predictions", "ml.prediction.bin", "ml.drift.bin") == {
        ("(below)", "01"): 1,
        ("01", "01"): 1,
        ("02", "02"): 2,
        ("(above)", "02"): 1,
    }
    assert measured.points("ml.prediction.expected_correct") == {}


def test_a_class_without_a_bin_is_told_at_the_start(measured: Measured) -> None:
    profile = CLASSES.model_copy(update={"predictions": Predictions(bins=bins(a=0.5, b=0.5), psi_null=1)})
    with pytest.raises(ModelMismatch, match="'c'"):
        PredictionMetrics(measured.meter, profile, MODEL)


def test_without_calibration_nothing_is_expected(measured: Measured) -> None:
    profile = CLASSES.model_copy(update={"predictions": CLASSES.predictions.model_copy(update={"calibration": ()})})
    assert not Calibration(profile.predictions)
    assert PredictionMetrics(measured.meter, profile, MODEL).count_class(0, 0.9) is None
    assert measured.points("ml.prediction.expected_correct") == {}


def test_the_reference_is_exported(measured: Measured) -> None:
    add_reference_metrics(measured.meter, CLASSES, MODEL)
    shares = measured.points("ml.reference.share", "ml.feature.name", "ml.feature.bin", "ml.drift.bin")
    assert shares["sepal length (cm)", "(below)", "01"] == 0
    assert shares["island", "(missing)", "(missing)"] == 0.1
    assert len(shares) == sum(len(feature.bins) for feature in CLASSES.features)
    assert measured.points("ml.reference.rows") == {None: 100}
    assert measured.points("ml.reference.psi_null", "ml.feature.name")["sepal length (cm)"] == 20
    assert measured.points("ml.reference.mean", "ml.feature.name") == {"sepal length (cm)": 1.25, "tagged": 0.5}
    assert measured.points("ml.reference.variance", "ml.feature.name") == {"sepal length (cm)": 0.75, "tagged": 0.25}
    assert measured.points("ml.reference.prediction.share", "ml.prediction.class", "ml.drift.bin")["(other)", "(other)"] == 0.2
    assert measured.points("ml.reference.prediction.psi_null") == {None: 10}
    assert measured.points("ml.reference.quality", "ml.quality.measure")["accuracy"] == 0.7
    assert measured.points("ml.reference.quality.rows") == {None: 40}


def test_a_feature_whose_drift_is_not_watched_is_counted_and_compared_with_nothing(measured: Measured) -> None:
    """Without `ml.drift.bin` and `psi_null` the rules make no PSI of it; shares by bin are there for its quality."""
    quiet = ISLAND.model_copy(update={"drift": False})
    profile = CLASSES.model_copy(update={"features": (NUMBER, quiet)})
    add_reference_metrics(measured.meter, profile, MODEL)
    FeatureMetrics(measured.meter, profile, MODEL).count([1.0, None])
    keys = ("ml.feature.name", "ml.feature.bin", "ml.drift.bin")
    for name, missing in (("ml.reference.share", 0.1), ("ml.feature.observations", 1)):
        points = [(dict(point.attributes or {}), point.value) for point in measured.exported(name)]
        found = {tuple(attributes.get(key) for key in keys): value for attributes, value in points}
        assert {key[2] for key in found if key[0] == "island"} == {None}
        assert all(key[2] for key in found if key[0] != "island")
        assert found["island", "(missing)", None] == missing
    assert set(measured.points("ml.reference.psi_null", "ml.feature.name")) == {NUMBER.name}


def test_every_way_to_be_refused_is_there_from_the_start(measured: Measured) -> None:
    metrics = ValidationMetrics(measured.meter, CLASSES, MODEL)
    keys = ("ml.feature.name", "ml.validation.reason")
    before = measured.points("ml.validation.failures", *keys)
    assert set(before.values()) == {0}
    assert set(before) == {
        *(("(body)", reason) for reason in ("not_json", "empty", "structure", "too_many_rows", "too_large", "encoding")),
        ("(unknown)", "unknown_feature"),
        *(("sepal length (cm)", reason) for reason in ("type", "missing", "not_finite", "too_large_number")),
        *(("island", reason) for reason in ("type", "unseen_category")),
        *(("tagged", reason) for reason in ("type", "missing")),
        *(("code", reason) for reason in ("type", "missing", "unseen_category")),
    }
    metrics.count({("island", "type"): 2, ("(body)", "empty"): 1})
    after = measured.points("ml.validation.failures", *keys)
    assert {key: value for key, value in after.items() if value} == {("island", "type"): 2, ("(body)", "empty"): 1}


def test_a_model_with_many_features_has_all_its_series(measured: Measured) -> None:
    """The SDK's own limit is 2,000 a metric; what is over it would be one series without a name."""
    series = {number: {**MODEL, "ml.feature.bin": str(number)} for number in range(5_000)}
    kept = Counts(measured.meter, "ml.feature.observations", description="", series=series)
    assert len(measured.points("ml.feature.observations", "ml.feature.bin")) == 5_000
    assert kept[0] == 0


def test_series_can_come_while_they_are_read(measured: Measured) -> None:
    """The exporter's thread reads while the event loop adds."""
    import threading

    counts: Counts[int] = Counts(measured.meter, "test.counts", description="", series={})
    stop = threading.Event()
    read: list[int] = []

    def export() -> None:
        while not stop.is_set():
            read.append(len(measured.points("test.counts", "n")))

    reader = threading.Thread(target=export)
    reader.start()
    for number in range(500):
        counts.more({number: {**MODEL, "n": str(number)}})
        counts.add(number)
    stop.set()
    reader.join()
    assert len(measured.points("test.counts", "n")) == 500
    assert read == sorted(read)
