"""What the model answers: by class or by bin of the predicted value, and how often it should be right."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from vitals.bundle.bins import bin_of_number
from vitals.bundle.schema import OTHER, Bin, Predictions, Profile
from vitals.errors import ModelMismatch
from vitals.telemetry import Counts


def class_bins(profile: Profile) -> tuple[int, ...]:
    """For each class, in the order of the model's probabilities, the index of its bin in `profile.predictions.bins`.

    Raises ModelMismatch for a class that has none.
    """
    names = {one.name: index for index, one in enumerate(profile.predictions.bins)}
    found = [names.get(name, names.get(OTHER)) for name in profile.classes]
    known = tuple(index for index in found if index is not None)
    if len(known) < len(found):
        missing = profile.classes[found.index(None)]
        raise ModelMismatch(
            f"The profile has no bin for predictions of the class {missing!r}: make it again with `vitals profile`."
        )
    return known


def prediction_attributes(profile: Profile, one: Bin) -> dict[str, str]:
    """How a bin of the predictions is named on a series."""
    key = "ml.prediction.class" if profile.task == "classification" else "ml.prediction.bin"
    return {key: one.name, "ml.drift.bin": one.drift}


class Calibration:
    """What a confidence is worth: the share of right answers among the reference's of about the same confidence.

    Histogram binning: Zadrozny and Elkan, "Obtaining calibrated probability estimates from decision trees and naive
    Bayesian classifiers", ICML 2001.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._up_to = [one.up_to for one in predictions.calibration[:-1]]  # the last takes the rest
        self._accuracy = [one.accuracy for one in predictions.calibration]

    def __bool__(self) -> bool:
        return bool(self._accuracy)

    def expected(self, confidence: float) -> float:
        """The probability, from 0 to 1, that an answer of this confidence is right."""
        return self._accuracy[bisect_left(self._up_to, confidence)]


class PredictionMetrics:
    """`ml.predictions`, `ml.prediction.expected_correct` where the profile has a calibration, and `ml.model.info`."""

    def __init__(self, meter: Meter, profile: Profile, model: Mapping[str, str]) -> None:
        """model: the attributes that name the model on every series. Raises ModelMismatch for a class without a bin."""
        bins = profile.predictions.bins
        self._of_class = class_bins(profile)
        self._of_value = bin_of_number(profile.predictions) if profile.task == "regression" else None
        self._calibration = Calibration(profile.predictions)
        self.by_bin: Counts[int] = Counts(
            meter,
            "ml.predictions",
            unit="{prediction}",
            description="Predictions by predicted class, or by bin of the predicted value.",
            series={index: {**model, **prediction_attributes(profile, one)} for index, one in enumerate(bins)},
        )
        self._expected_correct: Counts[None] | None = None
        if self._calibration:
            self._expected_correct = Counts(
                meter,
                "ml.prediction.expected_correct",
                description="How many predictions should be right, by what their confidence was worth on the reference.",
                series={None: model},
                zero=0.0,
            )

        def info(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(1, {**model, "ml.model.task": profile.task})]

        meter.create_observable_gauge("ml.model.info", [info], description="The model in use; always 1.")

    def count_class(self, index: int, confidence: float | None) -> float | None:
        """Count one answer of the class `index`; gives the probability that it is right, where that can be said."""
        self.by_bin.add(self._of_class[index])
        if self._expected_correct is None or confidence is None:
            return None
        expected = self._calibration.expected(confidence)
        self._expected_correct.add(None, expected)
        return expected

    def count_value(self, value: float) -> None:
        """Count one predicted number."""
        assert self._of_value is not None  # noqa: S101  (the profile's task decides which of the two is called)
        self.by_bin.add(self._of_value(value))
