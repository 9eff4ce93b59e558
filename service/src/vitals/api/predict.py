"""POST /predict: one row in, one answer out; or several rows, each with its answer."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from vitals.api.direct_route import DirectRoute
from vitals.api.prediction_service import Answer, answer
from vitals.api.problems import problem_responses
from vitals.api.requests.bodies import json_of
from vitals.api.requests.json_text import JsonAnswer
from vitals.api.requests.request_schema import body_of
from vitals.api.requests.rows import RequestRow, RowReader, Wrong, body_is
from vitals.api.schemas import PredictionAnswer, PredictionsAnswer
from vitals.api.state import state_of
from vitals.bundle.model_card import ModelFacts
from vitals.bundle.schema import Profile
from vitals.monitoring.validation import BODY, UNKNOWN


def predict_route(facts: ModelFacts, profile: Profile) -> DirectRoute:
    """The route for this model: it takes what the profile says."""
    reader = RowReader(profile)
    model = {"name": facts.name, "version": facts.version}

    def content(one: Answer) -> dict[str, Any]:
        outcome = one.outcome
        made: dict[str, Any] = {"prediction_id": one.prediction_id, "prediction": outcome.predicted}
        if outcome.probabilities is not None:
            made["confidence"] = outcome.confidence
            made["probabilities"] = dict(zip(profile.classes, outcome.probabilities, strict=True))
        return made

    async def predict(request: Request) -> JsonAnswer:
        state = state_of(request)
        rows, many = read_rows(await json_of(request), reader, most=state.instances_max)
        asked = state.recorder.request(len(rows))
        answers = [content(one) for one in await answer(state, rows, asked)]
        said = {"model": model, "trace_id": asked.trace_id}
        return JsonAnswer({"predictions": answers, **said} if many else {**answers[0], **said})

    return DirectRoute(
        "/predict",
        predict,
        methods=["POST"],
        summary=f"Ask the model {facts.name} for its answer to one row, or to several",
        response_model=PredictionAnswer | PredictionsAnswer,
        response_model_exclude_none=True,
        responses=problem_responses(413, 415, 422, 500, 503),
        openapi_extra=body_of("PredictRequest"),
    )


def read_rows(body: object, reader: RowReader, *, most: int) -> tuple[list[RequestRow], bool]:
    """The rows of a request's body, and whether it asked for several. Raises InvalidInput with everything that is wrong."""
    if not isinstance(body, dict):
        raise body_is("structure", reader.right_body.sentence)
    if "features" not in body and "instances" not in body:  # features in the body itself, or another server's form
        raise body_is("structure", reader.right_body.sentence, "features")
    wrong = Wrong()
    if len(body) > 1:
        for _ in body.keys() - {"features", "instances"}:
            wrong.add(BODY, "structure", UNKNOWN, "The body may have only `features` or `instances`")
    if "features" in body and "instances" in body:
        wrong.add(BODY, "structure", "features", "The body needs `features` or `instances`, and not both")
        wrong.raise_if_any()
    if "features" in body:
        rows = [reader.read(body["features"], "features", wrong)]
        wrong.raise_if_any()
        return rows, False
    instances = body["instances"]
    if not isinstance(instances, list):
        raise body_is("structure", f"must be a list of rows, as in {reader.right_body.several}", "instances")
    if not instances:
        raise body_is("empty", "has no row", "instances")
    if len(instances) > most:
        raise body_is("too_many_rows", f"has {len(instances)} rows; the limit is {most}", "instances")
    rows = [reader.read(given, f"instances.{index}", wrong) for index, given in enumerate(instances)]
    wrong.raise_if_any()
    return rows, True
