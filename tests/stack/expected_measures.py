"""The measures of drift and quality by numpy and scipy, from rows and a profile, without the project's code for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon

from vitals.bundle.schema import Binned, Feature, Profile

PSI_FLOOR = 1e-4


@dataclass(frozen=True)
class Sent:
    """What both replicas together were asked, what they answered, and what was said to be true."""

    job: str
    profile: Profile
    rows: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    labels: dict[int, Any]


def bin_name(feature: Feature | Binned, value: Any) -> str:
    """By the profile's edges and names alone."""
    if value is None:
        return "(missing)"
    if not feature.edges:
        names = {one.name for one in feature.bins}
        return str(value) if str(value) in names else "(unseen)"
    if value < feature.edges[0]:
        return "(below)"
    if value > feature.edges[-1]:
        return "(above)"
    found = np.searchsorted(feature.edges, value, side="right")
    if feature.discrete:
        return f"{(int(found) + 1) // 2:02}" if found % 2 else "(between)"
    return f"{min(int(found), len(feature.edges) - 1):02}"


def distributions(binned: Binned, values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Shares now and of the reference, in the bins that are compared."""
    counts = Counter(bin_name(binned, value) for value in values)
    assert set(counts) <= {one.name for one in binned.bins}
    names = sorted({one.drift for one in binned.bins})
    now = [sum(counts[one.name] for one in binned.bins if one.drift == name) for name in names]
    then = [sum(one.share for one in binned.bins if one.drift == name) for name in names]
    return np.array(now) / len(values), np.array(then)


def psi_of(p: np.ndarray, q: np.ndarray) -> float:
    p, q = np.clip(p, PSI_FLOOR, None), np.clip(q, PSI_FLOOR, None)
    return float(np.sum((p - q) * np.log(p / q)))


def threshold_of(binned: Binned, rows: int, reference_rows: int) -> float:
    return max(0.2, binned.psi_null * (1 / rows + 1 / reference_rows))


def calibrated(profile: Profile, confidence: float) -> float:
    return next(one.accuracy for one in profile.predictions.calibration if confidence <= one.up_to or one.up_to == 1)


def expected(sent: Sent) -> dict[tuple[str, str], float]:
    """Each series' value, by its name and its feature (empty where it has none)."""
    profile, rows, found = sent.profile, len(sent.rows), dict[tuple[str, str], float]()
    drifted = []
    for feature in profile.features:
        values = [row[feature.name] for row in sent.rows]
        p, q = distributions(feature, values)
        bins = Counter(bin_name(feature, value) for value in values)
        psi, limit = psi_of(p, q), threshold_of(feature, rows, profile.rows)
        drifted.append(psi > limit)
        found |= {
            ("vitals:feature_rows", feature.name): rows,
            ("vitals:feature_psi", feature.name): psi,
            ("vitals:feature_js_distance", feature.name): float(jensenshannon(p, q, base=2)),
            ("vitals:feature_psi_threshold", feature.name): limit,
            ("vitals:feature_drifted", feature.name): float(drifted[-1]),
            ("vitals:feature_missing:share", feature.name): bins["(missing)"] / rows,
        }
        if feature.kind == "numeric":
            found["vitals:feature_out_of_range:share", feature.name] = (bins["(below)"] + bins["(above)"]) / rows
        else:
            found["vitals:feature_unseen:share", feature.name] = bins["(unseen)"] / rows
    predicted = [answer["prediction"] for answer in sent.answers]
    p, q = distributions(profile.predictions, predicted)
    found |= {
        ("vitals:features_drifted:share", ""): float(np.mean(drifted)),
        ("vitals:prediction_rows", ""): rows,
        ("vitals:prediction_psi", ""): psi_of(p, q),
        ("vitals:prediction_js_distance", ""): float(jensenshannon(p, q, base=2)),
        ("vitals:prediction_psi_threshold", ""): threshold_of(profile.predictions, rows, profile.rows),
        ("vitals:labels:rows", ""): len(sent.labels),
    }
    if profile.task == "regression":
        errors = [abs(predicted[at] - label) for at, label in sent.labels.items()]
        return found | {("vitals:absolute_error:mean", ""): float(np.mean(errors))}
    worth = [calibrated(profile, answer["confidence"]) for answer in sent.answers]
    right = float(np.mean([predicted[at] == label for at, label in sent.labels.items()]))
    estimated = float(np.mean([worth[at] for at in sent.labels]))
    return found | {
        ("vitals:accuracy:labelled", ""): right,
        ("vitals:accuracy:estimated", ""): float(np.mean(worth)),
        ("vitals:accuracy:estimated_of_labelled", ""): estimated,
        ("vitals:accuracy:gap", ""): estimated - right,
    }
