"""Which classes the model predicts, and which model it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from vitals.telemetry import Counts


class PredictionMetrics:
    """`ml.predictions` by class, and `ml.model.info`, for one loaded model."""

    def __init__(self, meter: Meter, *, model_name: str, model_version: str, classes: Sequence[str]) -> None:
        model = {"ml.model.name": model_name, "ml.model.version": model_version}
        self.by_class = Counts(
            meter,
            "ml.predictions",
            unit="{prediction}",
            description="Predictions by predicted class.",
            series={name: {**model, "ml.prediction.class": name} for name in classes},
        )

        def info(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(1, model)]

        meter.create_observable_gauge("ml.model.info", [info], description="The model in use; always 1.")
