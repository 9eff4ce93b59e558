"""An answer and a label, as telemetry knows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)  # frozen would take four times as long to make one
class Prediction:
    """One answered row, as telemetry knows it: a class with its confidence, or a number."""

    id: str
    predicted: str | float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedRows:
    """The first rows of a request as JSON text, a list of objects, and how many rows after them are left out."""

    text: str
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """The true value of an earlier answer; `correct` is None for a number."""

    prediction_id: str
    model_version: str
    label: str | float
    predicted: str | float
    correct: bool | None
