"""Everything that is measured about one served model, behind one object that the routes call."""

from __future__ import annotations

import time
from collections.abc import Sequence

from opentelemetry.metrics import Meter

from vitals.bundle.bins import Value
from vitals.bundle.schema import Profile
from vitals.monitoring.features import FeatureMetrics
from vitals.monitoring.labels import AcceptedLabel, LabelMetrics
from vitals.monitoring.prediction_id import PredictionIds, question_of
from vitals.monitoring.predictions import PredictionMetrics
from vitals.monitoring.reference import add_reference_metrics
from vitals.monitoring.validation import ValidationMetrics


class ModelMonitoring:
    """The counters of one model in one process. Its methods are called on the event loop's thread only."""

    def __init__(
        self, meter: Meter, profile: Profile, *, name: str, version: str, key: bytes, labels_max_age_seconds: float
    ) -> None:
        """name, version: the model's; key: what prediction ids are signed with. Raises ModelMismatch for a profile with gaps."""
        model = {"ml.model.name": name, "ml.model.version": version}
        question = question_of(name, profile.task, profile.target, profile.classes)
        self._ids = PredictionIds(key, version=version, question=question)
        self.features = FeatureMetrics(meter, profile, model)
        self.predictions = PredictionMetrics(meter, profile, model)
        self.validation = ValidationMetrics(meter, profile, model)
        self.labels = LabelMetrics(meter, profile, model, self._ids, max_age_seconds=labels_max_age_seconds)
        add_reference_metrics(meter, profile, model)

    def asked(self, rows: Sequence[Sequence[Value]]) -> None:
        """Count what the model was asked for, whatever came of it: rows that break a model are what drift looks like first."""
        for row in rows:
            self.features.count(row)

    def answered(self, predicted: str | float, class_index: int | None, confidence: float | None) -> str:
        """Count one answer, and give it its id."""
        now = time.time()
        if class_index is None:
            value = float(predicted)
            self.predictions.count_value(value)
            return self._ids.of_value(value, now)
        return self._ids.of_class(class_index, self.predictions.count_class(class_index, confidence), now)

    def labelled(self, prediction_id: object, label: object) -> AcceptedLabel:
        """Count the true value of an earlier answer. Raises LabelRefused, counted by its reason."""
        return self.labels.take(prediction_id, label, time.time())
