"""From logged events to rows: one for each row of a request, with its label where one came."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitals.bundle.bins import Value
from vitals.bundle.classes import class_name
from vitals.bundle.schema import Feature, Profile
from vitals.bundle.tables import truth_of

PREDICTED, LABELLED = "ml.prediction", "ml.label"

Predicted = str | float
"""A class, or (regression) a number."""


@dataclass(frozen=True, slots=True)
class LoggedRow:
    """One row: its features in the order of the profile's, what the model answered, and what was true."""

    values: tuple[Value, ...]
    predicted: Predicted | None = None
    label: Predicted | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Exploded:
    """The rows of some logged requests; how many requests were logged without features, and how many could not be read.

    `omitted`: rows of requests so large that their log record has only the first ones.
    """

    rows: list[LoggedRow]
    without_features: int = 0
    unreadable: int = 0
    omitted: int = 0


def rows_of_predictions(documents: Iterable[Mapping[str, Any]], profile: Profile) -> Exploded:
    """The rows of the attributes of `ml.prediction` events: the request's JSON text beside one or many ids and answers.

    A record that is cut off, masked, or of another shape than its answers is counted and left out.
    """
    rows: list[LoggedRow] = []
    without = unreadable = omitted = 0
    for attributes in documents:
        text = attributes.get("ml.prediction.features")
        if text is None:
            without += 1
            continue
        try:
            left_out = int(attributes.get("ml.prediction.features_omitted", 0))
            rows += _exploded(json.loads(text), left_out, attributes, profile)
            omitted += left_out
        except (ValueError, TypeError, KeyError, AttributeError):
            unreadable += 1
    return Exploded(rows, without, unreadable, omitted)


def _exploded(written: Any, omitted: int, attributes: Mapping[str, Any], profile: Profile) -> list[LoggedRow]:
    inputs = written if isinstance(written, list) else [written]
    if omitted < 0:
        raise ValueError("less than nothing was left out")
    ids = _several(attributes["ml.prediction.id"])
    answers = _several(attributes["ml.prediction.class" if profile.task == "classification" else "ml.prediction.value"])
    logged = len(ids) - omitted
    if len(answers) != len(ids):
        raise ValueError("there are not as many answers as ids")
    return [
        LoggedRow(
            tuple(value_of(feature, one.get(feature.name)) for feature in profile.features),
            answer_of(profile, answer),
            id=str(prediction_id),
        )
        for one, prediction_id, answer in zip(inputs, ids[:logged], answers[:logged], strict=True)
    ]


def labelled(rows: Sequence[LoggedRow], documents: Iterable[Mapping[str, Any]], profile: Profile) -> list[LoggedRow]:
    """The rows with the labels of `ml.label` events (their attributes, oldest first): of several for one row the first counts."""
    found: dict[str, Predicted] = {}
    for attributes in documents:
        ids, values = _several(attributes.get("ml.prediction.id", [])), _several(attributes.get("ml.label.value", []))
        for prediction_id, value in zip(ids, values, strict=False):
            label = answer_of(profile, value)
            if label is not None:
                found.setdefault(str(prediction_id), label)
    return [dataclasses.replace(row, label=found[row.id]) if row.id in found else row for row in rows]


def value_of(feature: Feature, written: Any) -> Value:
    """A value as requests and data files have it, as the profile's bins take it; None where it is missing or none of its kind."""
    if written is None or written == "" or (isinstance(written, float) and math.isnan(written)):
        return None
    if feature.kind == "numeric":
        try:
            number = float(written)
        except (TypeError, ValueError):
            return None
        return None if math.isnan(number) else number
    if feature.kind == "boolean":
        return truth_of(class_name(written))
    known = {class_name(category): category for category in feature.categories}
    name = class_name(written)
    if name not in known and all(isinstance(category, int) for category in feature.categories):
        try:
            number = float(name)  # a file has a fraction where a column of whole numbers has gaps
        except ValueError:
            return name
        if math.isnan(number):
            return None
        name = class_name(number)
    return known.get(name, name)


def answer_of(profile: Profile, written: Any) -> Predicted | None:
    """A class's name, or the predicted number; None where it is neither."""
    if written is None or (isinstance(written, float) and math.isnan(written)):
        return None
    if profile.task == "classification":
        return class_name(written)
    try:
        number = float(written)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _several(written: Any) -> list[Any]:
    return list(written) if isinstance(written, list | tuple) else [written]
