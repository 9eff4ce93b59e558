"""Covariate shifts and concept shifts: how a row, or its label, looks when the world has changed. All come from the profile."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from vitals.bundle.bins import Value
from vitals.bundle.schema import Feature, Profile
from vitals.errors import ModelMismatch
from vitals.scenarios.traffic.rows import HeldOutRow, Label

DEVIATIONS = 3.0
"""By how many standard deviations of the reference every number moves when all features shift."""

KEPT_OF_RANGE = 0.25
"""The part of the reference's range that the values are squeezed into when one feature shifts."""


def feature_to_shift(profile: Profile, name: str | None = None) -> Feature:
    """The feature of this name, or the first that can drift: a number with several bins, else a category, else a yes or no.

    Raises ModelMismatch when there is none.
    """
    able = [feature for feature in profile.features if _can_drift(feature)]
    if name is not None:
        for feature in profile.features:
            if feature.name == name and not feature.drift:
                raise ModelMismatch(f"The drift of {name!r} is not watched (--no-drift): choose another feature.")
            if feature.name == name:
                return feature
        named = ", ".join(feature.name for feature in profile.features)
        raise ModelMismatch(f"The served model has no feature {name!r}: it has {named}.")
    for kind in ("numeric", "categorical", "boolean"):
        for feature in able:
            if feature.kind == kind:
                return feature
    raise ModelMismatch("No feature of the served model varied in the reference and has its drift watched: none can be shifted.")


def shift_one(profile: Profile, name: str | None = None) -> Callable[[HeldOutRow], HeldOutRow]:
    """One feature's values move, and stay among those that the reference had: its distribution drifts, no value is a wrong one.

    A number is squeezed towards the far end of its range, a category becomes the rarest one, a yes or no the rarer one.
    """
    feature = feature_to_shift(profile, name)

    def shifted(row: HeldOutRow) -> HeldOutRow:
        return HeldOutRow({**row.features, feature.name: _within_reference(feature, row.features[feature.name])}, row.label)

    return shifted


def shift_all(profile: Profile) -> Callable[[HeldOutRow], HeldOutRow]:
    """Every feature's values move: numbers by three standard deviations of the reference, many of them out of its range."""

    def shifted(row: HeldOutRow) -> HeldOutRow:
        return HeldOutRow({one.name: _beyond_reference(one, row.features[one.name]) for one in profile.features}, row.label)

    return shifted


def other_labels(profile: Profile, rows: Sequence[HeldOutRow]) -> Callable[[Label], Label]:
    """The concept changes: each class becomes the next one, a number is mirrored at the mean of the rows' labels."""
    if profile.task == "classification":
        names = list(profile.classes)
        following = dict(zip(names, [*names[1:], names[0]], strict=True))
        return lambda label: following.get(str(label), names[0])
    mean = math.fsum(float(row.label) for row in rows) / len(rows)
    return lambda label: 2 * mean - float(label)


def _can_drift(feature: Feature) -> bool:
    if not feature.drift:
        return False
    if feature.kind == "numeric":
        return len(feature.edges) > 2  # one bin between two edges can't change its share
    return sum(one.share > 0 for one in feature.bins) > 1


def _within_reference(feature: Feature, value: Value) -> Value:
    if value is None:
        return None
    if feature.kind != "numeric":
        return _rarest(feature)
    low, high = _range(feature)
    mean = feature.mean if feature.mean is not None else (low + high) / 2
    share = min(1.0, max(0.0, (float(value) - low) / (high - low))) if high > low else 0.0
    far = (
        high - (1 - share) * KEPT_OF_RANGE * (high - low)
        if mean <= (low + high) / 2
        else low + share * KEPT_OF_RANGE * (high - low)
    )
    if feature.discrete:
        far = _nearest(feature, far)
    return _as_number(feature, min(high, max(low, far)))


def _beyond_reference(feature: Feature, value: Value) -> Value:
    if value is None:
        return None
    if feature.kind != "numeric":
        return _rarest(feature)
    low, high = _range(feature)
    deviation = math.sqrt(feature.variance) if feature.variance else (high - low or 1.0)
    return _as_number(feature, float(value) + DEVIATIONS * deviation)


def _rarest(feature: Feature) -> Value:
    if feature.kind == "boolean":
        return (feature.mean or 0.0) < 0.5  # the mean is the share of yes
    return feature.categories[-1]


def _nearest(feature: Feature, number: float) -> float:
    """The value of the reference that is nearest: what is between two of them it does not have."""
    pairs = zip(feature.edges[::2], feature.edges[1::2], strict=True)
    found = min((low / 2 + high / 2 for low, high in pairs), key=lambda value: abs(value - number))
    lowest, highest = _range(feature)
    return min(highest, max(lowest, found))


def _range(feature: Feature) -> tuple[float, float]:
    low = feature.minimum if feature.minimum is not None else feature.edges[0]
    high = feature.maximum if feature.maximum is not None else feature.edges[-1]
    return low, high


def _as_number(feature: Feature, number: float) -> Value:
    return round(number) if feature.integer else number
