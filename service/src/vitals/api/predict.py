"""POST /predict: one row in, one class out."""
# No `from __future__ import annotations`: FastAPI reads the body's type, which is made for the model, from the signature.

import uuid

from fastapi import APIRouter, Request

from vitals.api.problems import problem_responses
from vitals.api.schemas import ModelName, PredictionAnswer, predict_request
from vitals.api.state import state_of
from vitals.model.facts import ModelFacts
from vitals.telemetry import Prediction, current_trace_id


def predict_router(facts: ModelFacts) -> APIRouter:
    """The route for this model: its schema names the model's features."""
    router = APIRouter()
    body_type = predict_request(facts)
    names = [feature.name for feature in facts.features]
    model = ModelName(name=facts.name, version=facts.version)

    @router.post(
        "/predict",
        summary=f"Classify one row with the model {facts.name}",
        response_model=PredictionAnswer,
        responses=problem_responses(413, 422, 500, 503),
    )
    async def predict(body: body_type, request: Request) -> PredictionAnswer:  # type: ignore[valid-type]
        state = state_of(request)
        features = body.features  # type: ignore[attr-defined]
        row = [getattr(features, name) for name in names]
        outcome = await state.ready_batcher.predict(row, state.recorder.request())
        prediction_id = uuid.uuid4().hex
        state.predictions.by_class.add(outcome.predicted)
        state.recorder.prediction(Prediction(prediction_id, outcome.predicted, outcome.confidence))
        return PredictionAnswer(
            prediction_id=prediction_id,
            prediction=outcome.predicted,
            confidence=outcome.confidence,
            probabilities=dict(zip(facts.classes, outcome.probabilities, strict=True)),
            model=model,
            trace_id=current_trace_id(),
        )

    return router
