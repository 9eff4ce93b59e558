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

from vitals.api.schemas import InvalidField, Problem
from vitals.api.state import state_of
from vitals.errors import InvalidInput, ServiceProblem
from vitals.monitoring.validation import BODY
from vitals.telemetry import current_trace_id, printable

_logger = logging.getLogger(__name__)

_LONGEST_PATH = 200
_MOST_IN_A_SENTENCE = 5
_INVALID = "urn:vitals:problem:invalid-input"

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
        named = "; ".join(f"{field.field}: {field.message}" for field in wrong.fields[:_MOST_IN_A_SENTENCE])
        return _answer(request, 400, f"The input was refused: {named}.")
    fields = [InvalidField(field=field.field, reason=field.reason, message=field.message) for field in wrong.fields]
    return _answer(request, wrong.status, str(wrong), kind=_INVALID, title=wrong.title, errors=fields)


async def _http(request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, HTTPException)  # noqa: S101  (Starlette's type for handlers is wider)
    status = wrong.status_code
    detail = {
        404: f"There is nothing at {_path(request)}.",
        405: f"{_path(request)} does not take {request.method[:20]}.",
    }.get(status, str(wrong.detail))
    if status == 413 and (request.url.path == "/predict" or speaks_v2(request)):
        state_of(request).monitoring.validation.count({(BODY, "too_large"): 1})
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
    return request.url.path == "/v2" or request.url.path.startswith("/v2/")


def _path(request: Request) -> str:
    """The path asked for, short and with nothing that could break a log line."""
    return printable(request.url.path[:_LONGEST_PATH])
