"""POST /labels: the true values of earlier answers, when they are known."""

from __future__ import annotations

from fastapi import APIRouter, Request

from vitals.api.problems import problem_responses
from vitals.api.requests.bodies import json_of
from vitals.api.requests.request_schema import body_of
from vitals.api.schemas import LabelsAnswer, RefusedLabel
from vitals.api.state import State, state_of
from vitals.errors import InvalidInput, LabelProblem
from vitals.model_events.prediction import Label
from vitals.monitoring.labels import LabelRefused, Reason
from vitals.telemetry import current_trace_id

router = APIRouter()

STATUS: dict[Reason, int] = {
    "malformed": 422,
    "forged": 403,
    "expired": 410,
    "repeated": 409,
    "unknown_version": 422,
    "unknown_class": 422,
}
"""How one refused label is answered; of several, each is named and the request as a whole is answered 200."""


@router.post(
    "/labels",
    summary="Say what the true value was",
    responses=problem_responses(403, 409, 410, 413, 415, 422),
    openapi_extra=body_of("LabelsRequest"),
)
async def labels(request: Request) -> LabelsAnswer:
    """Any replica takes labels for the answers of any other: the prediction's id carries what is needed, signed."""
    state = state_of(request)
    try:
        body = await json_of(request)
    except InvalidInput as wrong:
        raise _not_labels(state, wrong.fields[0].message) from None
    if not isinstance(body, dict):
        raise _not_labels(state, "The body must be an object")
    if "labels" not in body:
        try:
            _take(state, body)
        except LabelRefused as refused:
            raise LabelProblem(STATUS[refused.reason], refused.reason, str(refused)) from None
        return LabelsAnswer(accepted=1, refused=[], trace_id=current_trace_id())
    given = body["labels"]
    if body.keys() != {"labels"} or not isinstance(given, list) or not given:
        raise _not_labels(state, "The body must be an object with only `labels`, a list of one or more labels")
    if len(given) > state.instances_max:
        raise _not_labels(state, f"`labels` has {len(given)} entries; the limit is {state.instances_max}")
    refusals = []
    for index, one in enumerate(given):
        try:
            _take(state, one)
        except LabelRefused as refused:
            refusals.append(RefusedLabel(index=index, reason=refused.reason, detail=str(refused)))
    return LabelsAnswer(accepted=len(given) - len(refusals), refused=refusals, trace_id=current_trace_id())


def _take(state: State, given: object) -> None:
    entry = given if isinstance(given, dict) and given.keys() == {"prediction_id", "label"} else {}
    if not entry:
        state.monitoring.labels.refuse()
        raise LabelRefused("malformed", "A label is an object with `prediction_id` and `label`, nothing else.")
    accepted = state.monitoring.labelled(entry["prediction_id"], entry["label"])
    state.recorder.label(
        Label(str(entry["prediction_id"]), accepted.version, accepted.label, accepted.predicted, accepted.correct)
    )


def _not_labels(state: State, sentence: str) -> LabelProblem:
    state.monitoring.labels.refuse()
    return LabelProblem(STATUS["malformed"], "malformed", f"{sentence}.")
