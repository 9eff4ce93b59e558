"""GET /health/live, /health/ready, /health/canary and /model: what is running here."""

from __future__ import annotations

from fastapi import APIRouter, Request

from vitals.api.head import GetAndHead
from vitals.api.problems import problem_responses
from vitals.api.schemas import CanaryAnswer, Health, ModelAnswer
from vitals.api.state import state_of
from vitals.telemetry import current_instance_id, current_trace_id

router = APIRouter(route_class=GetAndHead)

_OF_FEATURE = {
    "name",
    "kind",
    "integer",
    "categories",
    "missing_allowed",
    "unseen_allowed",
    "minimum",
    "maximum",
    "mean",
    "variance",
    "missing_share",
    "example",
}


@router.get("/health/live", summary="Whether the process answers")
async def live() -> Health:
    """Alive: the event loop runs."""
    return Health(status="alive", trace_id=current_trace_id())


@router.get("/health/ready", summary="Whether predictions can be asked for", responses=problem_responses(503))
async def ready(request: Request) -> Health:
    """Ready: the model is loaded, and no call of it hangs."""
    state_of(request).check_ready()
    return Health(status="ready", trace_id=current_trace_id())


@router.get("/health/canary", summary="Leave a span, a log record and a count that the canary looks for in every store")
async def canary(request: Request) -> CanaryAnswer:
    """What `vitals canary` asks: its telemetry takes the way of every request's, and the model is left alone."""
    state = state_of(request)
    state.canaries += 1
    state.recorder.canary()
    return CanaryAnswer(status="alive", trace_id=current_trace_id(), instance=current_instance_id(), answered=state.canaries)


@router.get("/model", summary="The model in use")
async def model(request: Request) -> ModelAnswer:
    """Where the model comes from, what it takes and gives, and how the reference data looked."""
    state = state_of(request)
    facts, profile = state.facts, state.profile
    return ModelAnswer(
        name=facts.name,
        version=facts.version,
        task=profile.task,
        target=profile.target,
        description=facts.description,
        format=facts.format,
        runtime=state.runtime or None,
        made_at=facts.made_at.isoformat(),
        trained_on=facts.trained_on,
        trained_with=facts.trained_with,
        features=[feature.model_dump(include=_OF_FEATURE) for feature in profile.features],
        classes=list(profile.classes),
        reference_rows=profile.rows,
        quality=profile.quality,
        trace_id=current_trace_id(),
    )
