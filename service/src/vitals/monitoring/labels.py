"""True values that come later: what they say about the answers they belong to, from nothing but the signed id."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from opentelemetry.metrics import Meter

from vitals.bundle.classes import class_name
from vitals.bundle.schema import Profile
from vitals.monitoring.prediction_id import Claim, ForgedId, MalformedId, PredictionIds
from vitals.monitoring.predictions import class_bins
from vitals.telemetry import Counts

Reason = Literal["malformed", "forged", "expired", "repeated", "unknown_version", "unknown_class"]

REMEMBERED = 100_000
"""Ids that were labelled, the latest of this process: a second label for one of them is refused."""

MOST_VERSIONS = 8
"""Versions of the model whose labels one process counts, its own included: each has series of its own."""

FARTHEST = 1e6
"""How many ranges of the reference's predictions a true value may be away: one absurd label would drown all others in a sum."""

CLOCK_SECONDS = 300
"""How far ahead of this clock another replica's may be."""

_Confusion = tuple[str, int, int, bool]
"""Version, bin of the predicted class, bin of the label, and whether they agree."""


class LabelRefused(Exception):
    """A label that is not counted: why, as a word for the counter and a sentence for the client."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class AcceptedLabel:
    """A label and the answer that it belongs to."""

    version: str
    label: str | float
    predicted: str | float
    correct: bool | None
    """None for a number, which is not right or wrong but near or far."""


class LabelMetrics:
    """`ml.labels`, `ml.label.expected_correct`, `ml.label.absolute_error` and `ml.label.refusals`."""

    def __init__(
        self, meter: Meter, profile: Profile, model: Mapping[str, str], ids: PredictionIds, *, max_age_seconds: float
    ) -> None:
        """model: the attributes that name the model on every series."""
        self._profile, self._model, self._ids = profile, dict(model), ids
        self._max_age_seconds = max_age_seconds
        self._labelled: set[int] = set()
        self._in_order: deque[int] = deque()
        self._versions: set[str] = set()
        self._of_class = class_bins(profile)
        edges = profile.predictions.edges
        # A model that answers the same to everything has no range, but an error.
        spread = max(edges[-1] - edges[0], profile.quality.get("root_mean_squared_error", 0.0)) if edges else math.inf
        self._largest_error = FARTHEST * spread
        self._classes = {name: index for index, name in enumerate(profile.classes)}
        self.confusion: Counts[_Confusion] = Counts(
            meter, "ml.labels", unit="{label}", description="Labels, by predicted and true class.", series={}
        )
        self.refusals: Counts[Reason] = Counts(
            meter,
            "ml.label.refusals",
            unit="{label}",
            description="Labels that were refused, by reason.",
            series={reason: {**model, "ml.label.refusal.reason": reason} for reason in get_args(Reason)},
        )
        expected, error = "ml.label.expected_correct", "ml.label.absolute_error"
        self._sums: Counts[str] = (
            Counts(meter, expected, description="How many labelled answers should be right.", series={}, zero=0.0)
            if profile.task == "classification"
            else Counts(meter, error, description="The labelled answers' distance from the truth, added up.", series={}, zero=0.0)
        )
        self._knows(self._model["ml.model.version"])

    def take(self, prediction_id: object, label: object, now: float) -> AcceptedLabel:
        """Count the true value of an earlier answer; now: seconds since 1970.

        Raises LabelRefused, which is counted by its reason.
        """
        try:
            return self._take(prediction_id, label, now)
        except LabelRefused as refused:
            self.refusals.add(refused.reason)
            raise

    def refuse(self) -> None:
        """Count a request that has no label in it."""
        self.refusals.add("malformed")

    def _take(self, prediction_id: object, label: object, now: float) -> AcceptedLabel:
        claim = self._claim(prediction_id, now)
        accepted = self._number(claim, label) if claim.class_index is None else self._class(claim, claim.class_index, label)
        self._labelled.add(claim.key)
        self._in_order.append(claim.key)
        if len(self._in_order) > REMEMBERED:
            self._labelled.discard(self._in_order.popleft())
        return accepted

    def _claim(self, prediction_id: object, now: float) -> Claim:
        try:
            claim = self._ids.read(prediction_id)
        except MalformedId:
            raise LabelRefused("malformed", "prediction_id is not the id of a prediction.") from None
        except ForgedId:
            raise LabelRefused("forged", "prediction_id was not made by this service, or with another key.") from None
        age = now - claim.issued_at
        if age < -CLOCK_SECONDS:
            raise LabelRefused("malformed", f"prediction_id is {-age:.0f} s ahead of this service's clock.")
        if age > self._max_age_seconds:
            raise LabelRefused("expired", f"The prediction is older than the {self._max_age_seconds:.0f} s that labels may take.")
        if claim.question != self._ids.question or not self._fits(claim):
            raise LabelRefused("unknown_version", "The prediction is of another model, or of one with other classes.")
        if claim.key in self._labelled:
            raise LabelRefused("repeated", "This prediction has its label already.")
        if not self._knows(claim.version):
            raise LabelRefused("unknown_version", f"Labels of {MOST_VERSIONS} versions are counted already; this is one more.")
        return claim

    def _fits(self, claim: Claim) -> bool:
        """Whether the answer can be one to this question: a hash of 4 bytes may be of two questions."""
        if claim.class_index is None:
            return not self._classes
        return claim.class_index < len(self._classes)

    def _class(self, claim: Claim, predicted: int, label: object) -> AcceptedLabel:
        true = self._class_named(label)
        correct = predicted == true
        self.confusion.add((claim.version, self._of_class[predicted], self._of_class[true], correct))
        if claim.expected is not None:
            self._sums.add(claim.version, claim.expected)
        names = self._profile.classes
        return AcceptedLabel(claim.version, names[true], names[predicted], correct)

    def _class_named(self, label: object) -> int:
        index = self._classes.get(_name_of(label))
        if index is None:
            raise LabelRefused("unknown_class", "label is not one of this model's classes.")
        return index

    def _number(self, claim: Claim, label: object) -> AcceptedLabel:
        assert claim.value is not None  # noqa: S101  (an id has either a class or a value)
        true = _finite(label)
        if true is None:
            raise LabelRefused("malformed", "label is not a finite number.")
        error = abs(true - claim.value)
        if error > self._largest_error:
            raise LabelRefused("malformed", f"label is more than {self._largest_error:g} away from the predicted value.")
        self.confusion.add((claim.version, 0, 0, False))
        self._sums.add(claim.version, error)
        return AcceptedLabel(claim.version, true, claim.value, None)

    def _knows(self, version: str) -> bool:
        """Whether labels of `version` are counted; its series are made when its first label comes."""
        if version in self._versions:
            return True
        if len(self._versions) == MOST_VERSIONS:
            return False
        self._versions.add(version)
        model = {**self._model, "ml.model.version": version}
        self._sums.more({version: model})
        if self._profile.task == "regression":
            self.confusion.more({(version, 0, 0, False): model})
            return True
        bins = self._profile.predictions.bins
        classes_in = Counter(self._of_class)
        for predicted, true in product(sorted(classes_in), repeat=2):
            # Two classes that share a bin can be taken for each other within it.
            for correct in {predicted == true, classes_in[predicted] == 1 and predicted == true}:
                named = {
                    "ml.prediction.class": bins[predicted].name,
                    "ml.label.class": bins[true].name,
                    "ml.label.correct": str(correct).lower(),
                }
                self.confusion.more({(version, predicted, true, correct): {**model, **named}})
        return True


def _name_of(label: object) -> str:
    """How the class is called that a client gives as text, as a number or as a truth value."""
    if isinstance(label, str):
        return label
    if _finite(label) is None and not isinstance(label, bool):
        raise LabelRefused("malformed", "label is missing, or neither text nor a finite number.")
    return class_name(label)


def _finite(label: object) -> float | None:
    if isinstance(label, bool) or not isinstance(label, float | int):
        return None
    try:
        number = float(label)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
