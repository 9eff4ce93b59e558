"""How far the rows are from the reference: the rules' measures, in the profile's bins."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from vitals.bundle.bins import bin_of, bin_of_number
from vitals.bundle.divergences import FEWEST_ROWS, js_distance, psi, psi_threshold, shares
from vitals.bundle.schema import ABOVE, BELOW, MISSING, OTHER, UNSEEN, Binned, Profile
from vitals.report.rows import LoggedRow

PREDICTION = "(prediction)"
"""In place of a feature's name."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature, or the predictions. `drifted` is None where there are too few rows for a verdict.

    Where drift is not `watched`, there are no figures of it either.
    """

    name: str
    rows: int
    reference_rows: int
    psi: float | None
    psi_threshold: float | None
    js_distance: float | None
    drifted: bool | None
    watched: bool = True
    missing_share: float = 0.0
    out_of_range_share: float = 0.0
    unseen_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Quality:
    """How right the model was for the rows that have a label; accuracy or mean absolute error, as the model's task is."""

    labelled: int
    accuracy: float | None = None
    mean_absolute_error: float | None = None


def feature_drift(profile: Profile, current: Sequence[LoggedRow], reference: Sequence[LoggedRow] | None) -> list[Drift]:
    """Each feature's drift from the rows of `reference`, or, for None, from the profile's own reference as in the alerts.

    In the profile's order. Neither sequence may be empty. A feature whose drift is not watched has its shares only.
    """
    found = []
    for column, feature in enumerate(profile.features):
        place = bin_of(feature)
        counts = _counts(feature, [place(row.values[column]) for row in current])
        if reference is None:
            expected, rows = [one.share for one in feature.bins], profile.rows
        else:
            expected, rows = _counts(feature, [place(row.values[column]) for row in reference]), len(reference)
        one = _drift(feature.name, feature, counts, expected, rows)
        if not feature.drift:
            nothing = {"psi": None, "psi_threshold": None, "js_distance": None, "drifted": None}
            one = dataclasses.replace(one, watched=False, **nothing)  # type: ignore[arg-type]  # fields by name
        found.append(one)
    return found


def prediction_drift(profile: Profile, current: Sequence[LoggedRow], reference: Sequence[LoggedRow] | None) -> Drift | None:
    """The drift of what the model answered, in the same way; None where either side has no answers."""
    binned = profile.predictions
    names = {one.name: index for index, one in enumerate(binned.bins)}
    number = bin_of_number(binned) if profile.task == "regression" else None
    counted = []
    for rows in (current, *([] if reference is None else [reference])):
        answers = [row.predicted for row in rows if row.predicted is not None]
        if number is not None:
            at = [number(float(answer)) for answer in answers]
        else:
            # A class that the profile has no bin for can't be told from the rest.
            at = [index for answer in answers if (index := names.get(str(answer), names.get(OTHER))) is not None]
        if not at:
            return None
        counted.append(_counts(binned, at))
    if reference is None:
        return _drift(PREDICTION, binned, counted[0], [one.share for one in binned.bins], profile.rows)
    return _drift(PREDICTION, binned, counted[0], counted[1], sum(counted[1]))


def quality(profile: Profile, rows: Sequence[LoggedRow]) -> Quality:
    """How right the answers were, over the rows that have both an answer and a label."""
    both = [(row.predicted, row.label) for row in rows if row.predicted is not None and row.label is not None]
    if not both:
        return Quality(0)
    if profile.task == "classification":
        return Quality(len(both), accuracy=sum(answer == label for answer, label in both) / len(both))
    return Quality(len(both), mean_absolute_error=sum(abs(float(answer) - float(label)) for answer, label in both) / len(both))


def _counts(binned: Binned, at: Sequence[int]) -> list[float]:
    counts = [0.0] * len(binned.bins)
    for index in at:
        counts[index] += 1
    return counts


def _drift(name: str, binned: Binned, current: Sequence[float], reference: Sequence[float], reference_rows: float) -> Drift:
    """From the bins' counts, or shares, and how many rows the reference's are of."""
    rows = sum(current)
    p, q = shares(_compared(binned, current)), shares(_compared(binned, reference))
    found, limit = float(psi(p, q)), float(psi_threshold(binned.psi_null, rows, reference_rows))
    share = {one.name: count / rows for one, count in zip(binned.bins, current, strict=True)}
    return Drift(
        name=name,
        rows=int(rows),
        reference_rows=int(reference_rows),
        psi=found,
        psi_threshold=limit,
        js_distance=float(js_distance(p, q)),
        drifted=found > limit if rows >= FEWEST_ROWS else None,
        missing_share=share.get(MISSING, 0.0),
        out_of_range_share=share.get(BELOW, 0.0) + share.get(ABOVE, 0.0),
        unseen_share=share.get(UNSEEN, 0.0),
    )


def _compared(binned: Binned, counts: Sequence[float]) -> list[float]:
    """Counts, or shares, by the bin that is compared: what is outside the reference's range counts in the bin beside it."""
    found: dict[str, float] = {}
    for one, count in zip(binned.bins, counts, strict=True):
        found[one.drift] = found.get(one.drift, 0) + count
    return list(found.values())
