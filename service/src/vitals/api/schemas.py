"""What comes out, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class ModelName(BaseModel):
    """Which model answered."""

    name: str
    version: str


class OneAnswer(BaseModel):
    """The answer to one row."""

    prediction_id: str = Field(description="The signed id of this prediction; POST /labels takes it.")
    prediction: str | float = Field(description="The predicted class; for a regression the predicted number.")
    confidence: float | None = Field(None, description="Classification: the probability of that class.")
    probabilities: dict[str, float] | None = Field(None, description="Classification: the probability of each class.")


class PredictionAnswer(OneAnswer):
    """The answer to `features`."""

    model: ModelName
    trace_id: str | None = Field(description="Follow the request with `vitals trace TRACE_ID`.")


class PredictionsAnswer(BaseModel):
    """The answers to `instances`, in the same order."""

    predictions: list[OneAnswer]
    model: ModelName
    trace_id: str | None = Field(description="Follow the request with `vitals trace TRACE_ID`.")


class RefusedLabel(BaseModel):
    """One of several labels that is not counted."""

    index: int = Field(description="Its position in `labels`, from 0.")
    reason: str = Field(description="malformed, forged, expired, repeated, unknown_version or unknown_class.")
    detail: str


class LabelsAnswer(BaseModel):
    """What became of labels."""

    accepted: int
    refused: list[RefusedLabel]
    trace_id: str | None


class Health(BaseModel):
    """Whether the service lives, or can answer."""

    status: str
    trace_id: str | None


class CanaryAnswer(Health):
    """A request that is made to be followed: where its span, its log record and its count are looked for."""

    instance: str | None = Field(description="`service.instance.id` of the process that answered.")
    answered: int = Field(description="How many of these requests that process has answered, including this one.")


class ModelAnswer(BaseModel):
    """The model in use: its card, and what its profile says of the reference data."""

    name: str
    version: str = Field(description="From the hashes of the artefact and its profile: the same content has the same version.")
    task: str
    target: str = Field(description="What it predicts.")
    description: str
    format: str = Field(description="The artefact's.")
    runtime: str | None = Field(description="The library that answers, with its version; null while the model is being loaded.")
    made_at: str
    trained_on: str
    trained_with: str
    features: list[dict[str, Any]] = Field(description="In the order of the model's columns.")
    classes: list[str]
    reference_rows: int = Field(description="Rows that live requests are compared with.")
    quality: dict[str, float] = Field(description="On the reference.")
    trace_id: str | None


class InvalidField(BaseModel):
    """One field of a refused request; never its value."""

    field: str
    reason: str
    message: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="What kind of problem, as a URI.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    trace_id: str | None
    errors: list[InvalidField] | None = Field(None, description="The fields that were refused.")
