"""What an answer to an OTLP request means: whether to send it again, and what to count it as where it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import grpc

Verdict = Literal["taken", "again", "doubtful", "lost"]

BACKEND_QUEUE_FULL = "backend_queue_full"
_FULL = "sending queue is full"

# As the OTLP specification has them. RESOURCE_EXHAUSTED only with a time to wait: a request that is too large gets it too.
_AGAIN = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
# A connection that breaks in the middle of an answer may look like these, and so does a request that can't be read.
_DOUBTFUL = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}

# As gRPC and urllib3 word it themselves; nobody answered who could have worded it so.
_NOT_CONNECTED = (
    "failed to connect to all addresses",
    "errors resolving",
    "DNS resolution failed",
    "HTTPConnectionPool",
    "HTTPSConnectionPool",
)
_ABSENT = (
    "Connection refused",
    "No such file or directory",
    "No route to host",
    "Network is unreachable",
    "errors resolving",
    "DNS resolution failed",
    "Failed to resolve",
)

_HTTP_AGAIN = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    verdict: taken; again: not now, send it again; doubtful: may mean either, so again, but not for ever; lost: for good.
    reason: for all but `taken`, as `error.type` names it; explained: the answer's words.
    after_seconds: how long the Collector asks to wait; rejected: items that were not taken of a request that was.
    absent: nobody listens at the address, or its name is not known.
    """

    verdict: Verdict
    reason: str = ""
    explained: str = ""
    after_seconds: float | None = None
    rejected: int = 0
    absent: bool = False


def of_answer(answer: Any) -> Outcome:
    """Of the message that says yes, in whole or in part."""
    partial = answer.partial_success
    [counted] = [field.name for field in partial.DESCRIPTOR.fields if field.name.startswith("rejected_")]
    return Outcome("taken", rejected=int(getattr(partial, counted)), explained=partial.error_message)


def of_grpc(code: grpc.StatusCode, explained: str, after_seconds: float | None) -> Outcome:
    """Of a gRPC status that is not OK."""
    if code is grpc.StatusCode.UNAVAILABLE and only_full_queues(explained):
        return Outcome("lost", BACKEND_QUEUE_FULL, explained)
    if code in _AGAIN or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and after_seconds is not None):
        return Outcome("again", code.name, explained, after_seconds, absent=_nobody_there(explained))
    return Outcome("doubtful" if code in _DOUBTFUL else "lost", code.name, explained)


def of_broken_connection(error: BaseException | None) -> Outcome:
    """Of an HTTP request that got no answer."""
    return Outcome("again", type(error).__qualname__, str(error), absent=_nobody_there(str(error)))


def of_http(status: int, explained: str, retry_after: str | None) -> Outcome:
    """Of an HTTP status of 400 or more; retry_after: that header, of which seconds are understood."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE and only_full_queues(explained):
        return Outcome("lost", BACKEND_QUEUE_FULL, explained)
    if status in _HTTP_AGAIN:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return Outcome("again", str(status), explained, seconds)
    return Outcome("doubtful" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "lost", str(status), explained)


def _nobody_there(explained: str) -> bool:
    return explained.startswith(_NOT_CONNECTED) and any(words in explained for words in _ABSENT)


def only_full_queues(explained: str) -> bool:
    """Whether the Collector says that nothing but a backend's queue kept it from taking a request.

    It handed the request to each backend before it answered so: the others have it, and would get it again and again.
    """
    return bool(explained) and all(part.strip() == _FULL for part in explained.split(";"))
