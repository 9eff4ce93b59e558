"""Every error as problem details (RFC 9457) with the trace id, and as one log record; no traceback leaves the process.

Below /v2 an error is `{"error": sentence}`, as the Open Inference Protocol has it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vitals.api.requests.example_body import RightBody
from vitals.api.schemas import InvalidField, Problem
from vitals.api.state import state_of
from vitals.errors import InvalidInput, ServiceProblem
from vitals.monitoring.validation import BODY
from vitals.telemetry import current_trace_id, printable

_logger = logging.getLogger(__name__)

_LONGEST_PATH = 200
_MOST_IN_A_SENTENCE = 5
_INVALID = "urn:vitals:problem:invalid-input"

_OF_BODY = {413: "too_large", 415: "encoding"}
_OTHER_SERVERS = ("/v1/models", "/invocations", "/predictions")
"""Where KServe's V1 protocol, TensorFlow Serving, MLflow, SageMaker and TorchServe are asked."""

MEDIA_TYPE = "application/problem+json"

_TITLES = {413: "Content Too Large"}
"""Where the standard library's phrase is of an older RFC in some versions of Python."""


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the application as problem details."""
    app.add_exception_handler(InvalidInput, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ServiceProblem, _service)
    app.add_exception_handler(Exception, _unexpected)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of these statuses."""
    return {status: {"model": Problem, "content": {MEDIA_TYPE: {}}} for status in statuses}


def _answer(
    request: Request,
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    title: str | None = None,
    errors: list[InvalidField] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    if speaks_v2(request):
        return JSONResponse({"error": detail}, status, headers)
    problem = Problem(
        type=kind,
        title=title or _TITLES.get(status) or HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=_path(request),
        trace_id=current_trace_id(),
        errors=errors,
    )
    return JSONResponse(problem.model_dump(exclude={"errors"} if errors is None else None), status, headers, MEDIA_TYPE)


async def _invalid(request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, InvalidInput)  # noqa: S101  (Starlette's type for handlers is wider)
    state = state_of(request)
    state.monitoring.validation.count(wrong.counted)
    state.recorder.refused([(field.field, field.reason) for field in wrong.fields])
    if speaks_v2(request):
        return _answer(request, 400, _sentence(wrong))
    fields = [InvalidField(field=field.field, reason=field.reason, message=field.message) for field in wrong.fields]
    as_a_whole = all(feature == BODY for feature, _ in wrong.counted)
    detail = _sentence(wrong) if as_a_whole else str(wrong)
    return _answer(request, wrong.status, detail, kind=_INVALID, title=wrong.title, errors=fields)


def _sentence(wrong: InvalidInput) -> str:
    """The first mistakes, each with its place; what is said of the body as a whole is a sentence already."""
    said = [
        field.message if field.message.startswith("The body") else f"{field.field}: {field.message}"
        for field in wrong.fields[:_MOST_IN_A_SENTENCE]
    ]
    return f"The input was refused: {'; '.join(said)}."


async def _http(request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, HTTPException)  # noqa: S101  (Starlette's type for handlers is wider)
    status = wrong.status_code
    detail = {
        404: f"There is nothing at {_path(request)}{_instead(request)}.",
        405: f"{_path(request)} does not take {request.method[:20]}.",
    }.get(status, str(wrong.detail))
    reason = _OF_BODY.get(status)
    if reason and (_route_path(request) == "/predict" or speaks_v2(request)):
        state_of(request).monitoring.validation.count({(BODY, reason): 1})
    _logger.warning("%s answered %d: %s", request.method[:20], status, detail, extra={"http.response.status_code": status})
    return _answer(request, status, detail, headers=wrong.headers)


async def _service(request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, ServiceProblem)  # noqa: S101  (Starlette's type for handlers is wider)
    _logger.warning("answered %d: %s", wrong.status, wrong, extra={"http.response.status_code": wrong.status})
    kind = f"urn:vitals:problem:{wrong.title.lower().replace(' ', '-')}"
    headers = {} if wrong.retry_after_seconds is None else {"retry-after": str(wrong.retry_after_seconds)}
    return _answer(request, wrong.status, str(wrong), kind=kind, title=wrong.title, headers=headers)


async def _unexpected(request: Request, wrong: Exception) -> JSONResponse:
    _logger.error("unexpected %s", type(wrong).__name__, exc_info=wrong, extra={"http.response.status_code": 500})
    return _answer(request, 500, "The service failed on this request; its log has the reason under this trace id.")


def speaks_v2(request: Request) -> bool:
    """Whether the request came by the Open Inference Protocol, whose errors have a form of their own."""
    path = _route_path(request)
    return path == "/v2" or path.startswith("/v2/")


def _instead(request: Request) -> str:
    """What to ask in place of a path that other model servers have."""
    if not _route_path(request).startswith(_OTHER_SERVERS):
        return ""
    state = state_of(request)
    root = printable(_root_path(request))
    v2 = f"{root}/v2/models/{state.facts.name}/infer"
    return f": ask POST {root}/predict with {RightBody(state.profile).one}, or the Open Inference Protocol V2 at {v2}"


def _root_path(request: Request) -> str:
    """Where the application is mounted, or a proxy shows it: empty, or begins with a slash and does not end with one."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def _route_path(request: Request) -> str:
    """The path within the application. ASGI's `path` has the root path in it; behind some proxies it lacks it all the same."""
    path, root = str(request.scope["path"]), _root_path(request)
    return path[len(root) :] if root and (path == root or path.startswith(f"{root}/")) else path


def _path(request: Request) -> str:
    """The path that the client asked for, short and with nothing that could break a log line."""
    return printable((_root_path(request) + _route_path(request))[:_LONGEST_PATH])
