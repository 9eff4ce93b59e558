"""The Open Inference Protocol V2 over HTTP with JSON: what public clients of model servers speak.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from vitals.api.head import GetAndHead
from vitals.api.prediction_service import answer
from vitals.api.requests.bodies import json_of
from vitals.api.requests.rows import RowReader, Wrong, body_is
from vitals.api.requests.values import is_unicode
from vitals.api.state import state_of
from vitals.api.v2.tensor import parameters_of
from vitals.api.v2.tensors import TensorReader, inputs_of, outputs_of, tensors
from vitals.bundle.model_card import ModelFacts
from vitals.bundle.schema import Profile
from vitals.errors import NotThisModel
from vitals.version import __version__

_MODEL = "/v2/models/{model_name}"
_VERSION = _MODEL + "/versions/{model_version}"

_LONGEST_ID = 1000
_BINARY = "inference-header-content-length"


def v2_router(facts: ModelFacts, profile: Profile) -> APIRouter:
    """The protocol's routes for this model."""
    router = APIRouter(tags=["Open Inference Protocol V2"], route_class=GetAndHead)
    reader, row_reader = TensorReader(profile, f"/v2/models/{facts.name}"), RowReader(profile)
    outputs = {one["name"]: one for one in outputs_of(profile)}

    @router.get("/v2", summary="What this server is")
    async def server() -> dict[str, Any]:
        return {"name": "vitals", "version": __version__, "extensions": []}

    @router.get("/v2/health/live", summary="Whether the process answers")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/v2/health/ready", summary="Whether predictions can be asked for")
    async def ready(request: Request) -> dict[str, bool]:
        state_of(request).check_ready()
        return {"ready": True}

    @router.get(f"{_MODEL}/ready", summary="Whether this model can be asked")
    @router.get(f"{_VERSION}/ready", summary="Whether this version of the model can be asked")
    async def model_ready(request: Request, model_name: str, model_version: str | None = None) -> dict[str, Any]:
        _is_this(model_name, model_version)
        state_of(request).check_ready()
        return {"name": facts.name, "ready": True}

    @router.get(_MODEL, summary="The model's inputs and outputs")
    @router.get(_VERSION, summary="The inputs and outputs of this version of the model")
    async def metadata(model_name: str, model_version: str | None = None) -> dict[str, Any]:
        _is_this(model_name, model_version)
        return {
            "name": facts.name,
            "versions": [facts.version],
            "platform": facts.format,
            "inputs": inputs_of(profile),
            "outputs": list(outputs.values()),
        }

    @router.post(f"{_MODEL}/infer", summary="Ask the model")
    @router.post(f"{_VERSION}/infer", summary="Ask this version of the model")
    async def infer(request: Request, model_name: str, model_version: str | None = None) -> JSONResponse:
        _is_this(model_name, model_version)
        if _BINARY in request.headers:
            raise body_is("structure", "has binary tensors, which this server does not take: send JSON (binary_data=False)")
        state = state_of(request)
        body = await json_of(request)
        if not isinstance(body, dict):
            raise body_is("structure", f"The body must be an object with `inputs`: {reader.right}")
        asked_id = _id(body.get("id"))
        wanted = _wanted(body.get("outputs"))
        wrong = Wrong()
        content_type = parameters_of(body, "").get("content_type")
        given = reader.rows(body.get("inputs"), most=state.instances_max, content_type=content_type)
        rows = [row_reader.read(row, f"inputs.{index}", wrong) for index, row in enumerate(given)]
        wrong.raise_if_any()
        recorded = state.recorder.request(len(rows))
        answers = await answer(state, rows, recorded)
        return JSONResponse(
            {
                "model_name": facts.name,
                "model_version": facts.version,
                **({} if asked_id is None else {"id": asked_id}),
                "parameters": {"trace_id": recorded.trace_id or ""},
                "outputs": tensors(answers, wanted),
            }
        )

    def _is_this(name: str, version: str | None) -> None:
        if name != facts.name or version not in (None, facts.version):
            raise NotThisModel(f"This server has the model {facts.name}, version {facts.version}, and no other.")

    def _wanted(asked: object) -> list[dict[str, Any]]:
        if asked is None or asked == []:
            return list(outputs.values())
        if not isinstance(asked, list):
            raise body_is("structure", "must be a list", "outputs")
        names = [one.get("name") if isinstance(one, dict) else None for one in asked]
        if not all(isinstance(name, str) and name in outputs for name in names):
            raise body_is("structure", f"must each name one of {', '.join(outputs)}", "outputs")
        return [outputs[name] for name in dict.fromkeys(map(str, names))]

    return router


def _id(given: object) -> str | None:
    if given is None or (isinstance(given, str) and len(given) <= _LONGEST_ID and is_unicode(given)):
        return given
    raise body_is("structure", f"must be Unicode text of at most {_LONGEST_ID} characters", "id")
