"""Request bodies as JSON, and what is wrong where they are none."""

from __future__ import annotations

import json

from fastapi import Request

from vitals.api.content_codings import decoded
from vitals.api.rows import body_is
from vitals.api.state import state_of


async def json_of(request: Request) -> object:
    """The body, decoded and parsed.

    Raises InvalidInput where there is none, or none that is JSON, and HTTPException (413, 415) where it can't be decoded.
    """
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        # A form of a foreign web page can send other types without being asked for leave.
        raise body_is("not_json", "The content type must be application/json")
    body = await request.body()
    if "content-encoding" in request.headers:
        body = await decoded(body, request.headers.getlist("content-encoding"), state_of(request).request_max_bytes)
    if not body.strip():
        raise body_is("empty", "The body is empty")
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):  # JSON that nests too deeply, or has a number of thousands of digits
        raise body_is("not_json", "The body is not valid JSON") from None
    return parsed
