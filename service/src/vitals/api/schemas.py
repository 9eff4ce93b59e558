"""What goes in and what comes out, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, create_model

from vitals.model.facts import ModelFacts


class ModelName(BaseModel):
    """Which model answered."""

    name: str
    version: str


class PredictionAnswer(BaseModel):
    """The answer to one prediction."""

    prediction_id: str = Field(description="Names this prediction wherever it is mentioned.")
    prediction: str = Field(description="The most probable class.")
    confidence: float = Field(description="Its probability.")
    probabilities: dict[str, float] = Field(description="The probability of each class.")
    model: ModelName
    trace_id: str | None = Field(description="Follow the request with `vitals trace TRACE_ID`.")


class Health(BaseModel):
    """Whether the service lives, or can answer."""

    status: str
    trace_id: str | None


class ModelAnswer(BaseModel):
    """The model in use."""

    name: str
    version: str = Field(description="The first digits of the artefact's SHA-256.")
    features: list[dict[str, Any]]
    classes: list[str]
    trained_at: str
    trained_on: str
    trained_with: str
    quality: dict[str, float]
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


def predict_request(facts: ModelFacts) -> type[BaseModel]:
    """The body of `POST /predict` for this model: one finite number a feature, by name, nothing else."""
    strict = ConfigDict(extra="forbid", frozen=True)
    fields: dict[str, Any] = {
        feature.name: (
            FiniteFloat,
            Field(
                strict=True,
                description=f"{feature.title}; {feature.minimum:g} to {feature.maximum:g} in the training data.",
                examples=[feature.example],
            ),
        )
        for feature in facts.features
    }
    features = create_model("Features", __config__=strict, __doc__="The model's inputs.", **fields)
    request: type[BaseModel] = create_model(
        "PredictRequest", __config__=strict, __doc__="One row to classify.", features=(features, ...)
    )
    return request
