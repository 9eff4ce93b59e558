"""What requests bring: each feature's values by bin, and how much the latest of them vary."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from vitals.bundle.bins import Value, bin_of
from vitals.bundle.schema import Bin, Feature, Profile
from vitals.telemetry import Counts

LATEST_ROWS = 50
"""Rows that `ml.feature.variance` is taken over."""


def feature_attributes(feature: Feature, one: Bin) -> dict[str, str]:
    """How a bin of a feature is named on a series; where drift is not watched without `ml.drift.bin`, which the rules sum by."""
    named = {"ml.feature.name": feature.name, "ml.feature.bin": one.name}
    return {**named, "ml.drift.bin": one.drift} if feature.drift else named


class FeatureMetrics:
    """`ml.feature.observations` by feature and bin, and `ml.feature.variance` over the latest rows of this process."""

    def __init__(self, meter: Meter, profile: Profile, model: Mapping[str, str]) -> None:
        """model: the attributes that name the model on every series."""
        self._latest: deque[Sequence[Value]] = deque(maxlen=LATEST_ROWS)
        self._bins = []
        series: dict[int, dict[str, str]] = {}
        for feature in profile.features:
            self._bins.append((len(series), bin_of(feature)))
            for one in feature.bins:
                series[len(series)] = {**model, **feature_attributes(feature, one)}
        self.by_bin: Counts[int] = Counts(
            meter,
            "ml.feature.observations",
            unit="{observation}",
            description="Values of features by the bin of the reference that they fall into.",
            series=series,
        )
        self._varying = [
            (column, {**model, "ml.feature.name": feature.name})
            for column, feature in enumerate(profile.features)
            if feature.kind != "categorical"
        ]
        if self._varying:
            meter.create_observable_gauge(
                "ml.feature.variance", [self._variances], description=f"Variance over the latest {LATEST_ROWS} rows of a process."
            )

    def count(self, row: Sequence[Value]) -> None:
        """Count one row, its values in the order of the profile's features."""
        sums = self.by_bin.sums
        for (first, bin_in), value in zip(self._bins, row, strict=True):
            sums[first + bin_in(value)] += 1
        self._latest.append(row)

    def _variances(self, _: CallbackOptions) -> Iterable[Observation]:
        rows = self._latest.copy()  # the event loop goes on while this thread computes
        for column, attributes in self._varying:
            present = np.array([value for row in rows if (value := row[column]) is not None], dtype=np.float64)
            if len(present) < 2:
                continue
            with np.errstate(over="ignore", invalid="ignore"):
                varied = float(present.var(ddof=1))  # divided by n - 1, as in the profile
            if math.isfinite(varied):  # values near the end of the floats have none
                yield Observation(varied, attributes)
