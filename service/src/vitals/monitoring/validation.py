"""Why requests are refused, by feature and reason."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.metrics import Meter

from vitals.bundle.schema import Profile
from vitals.telemetry import Counts

UNKNOWN, BODY = "(unknown)", "(body)"
"""In place of a feature's name: a name that the model does not know, and the request as a whole."""

OF_BODY = ("not_json", "empty", "structure", "too_many_rows", "too_large", "encoding")

Failure = tuple[str, str]
"""The name of a feature, or UNKNOWN or BODY; and the reason."""


def possible_failures(profile: Profile) -> list[Failure]:
    """Everything that can be wrong with a request for this model: the whole set of series."""
    found: list[Failure] = [(BODY, reason) for reason in OF_BODY]
    found.append((UNKNOWN, "unknown_feature"))
    for feature in profile.features:
        reasons = ["type"]
        if not feature.missing_allowed:
            reasons.append("missing")
        if feature.kind == "numeric":
            reasons += ["not_finite", "too_large_number", *(["not_whole"] if feature.whole else [])]
        if feature.kind == "categorical":
            reasons.append("unseen_category")
        found += [(feature.name, reason) for reason in reasons]
    return found


class ValidationMetrics:
    """`ml.validation.failures` by feature and reason: every possible series from the start, no other ever."""

    def __init__(self, meter: Meter, profile: Profile, model: Mapping[str, str]) -> None:
        """model: the attributes that name the model on every series."""
        self.by_reason: Counts[Failure] = Counts(
            meter,
            "ml.validation.failures",
            unit="{failure}",
            description="What was wrong with refused requests, by feature and reason.",
            series={
                (name, reason): {**model, "ml.feature.name": name, "ml.validation.reason": reason}
                for name, reason in possible_failures(profile)
            },
        )

    def count(self, failures: Mapping[Failure, int]) -> None:
        """Count what was wrong with one request: how often each feature failed for each reason."""
        for failure, times in failures.items():
            self.by_reason.add(failure, times)
