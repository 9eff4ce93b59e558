"""GET /health/live, /health/ready and /model: what is running here."""

from __future__ import annotations

from fastapi import APIRouter, Request

from vitals.api.problems import problem_responses
from vitals.api.schemas import Health, ModelAnswer
from vitals.api.state import state_of
from vitals.telemetry import current_trace_id

router = APIRouter()


@router.get("/health/live", summary="Whether the process answers")
async def live() -> Health:
    """Alive: the event loop runs."""
    return Health(status="alive", trace_id=current_trace_id())


@router.get("/health/ready", summary="Whether predictions can be asked for", responses=problem_responses(503))
async def ready(request: Request) -> Health:
    """Ready: the model is loaded."""
    _ = state_of(request).ready_batcher
    return Health(status="ready", trace_id=current_trace_id())


@router.get("/model", summary="The model in use")
async def model(request: Request) -> ModelAnswer:
    """Name, version, features, classes, when and on what the model was trained."""
    facts = state_of(request).facts
    return ModelAnswer(
        name=facts.name,
        version=facts.version,
        features=[feature.model_dump() for feature in facts.features],
        classes=list(facts.classes),
        trained_at=facts.trained_at.isoformat(),
        trained_on=facts.trained_on,
        trained_with=facts.trained_with,
        quality=facts.quality,
        trace_id=current_trace_id(),
    )
