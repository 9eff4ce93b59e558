"""Request bodies as JSON, and what is wrong where they are none."""

from __future__ import annotations

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from vitals.api.requests.content_codings import decoded
from vitals.api.requests.json_text import parsed
from vitals.api.requests.rows import body_is
from vitals.api.state import state_of


async def json_of(request: Request) -> object:
    """The body, decoded and parsed.

    Raises InvalidInput where there is none, or none that is JSON, and HTTPException (413, 415) where it can't be decoded.
    """
    types: list[bytes] = []
    codings: list[str] = []
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            types.append(value)
        elif name == b"content-encoding":
            codings.append(value.decode("latin-1"))
    if types and types[0] != b"application/json" and not _is_json(types[0].decode("latin-1")):
        # A form of a foreign web page can send other types without being asked for leave.
        raise body_is("not_json", "The content type must be application/json")
    body = await _read(request.receive)
    if codings:
        body = await decoded(body, codings, state_of(request).request_max_bytes)
    if not body.strip():
        raise body_is("empty", "The body is empty")
    try:
        found: object = parsed(body)
    except (ValueError, RecursionError):  # JSON that nests too deeply, or has a number of thousands of digits
        raise body_is("not_json", "The body is not valid JSON") from None
    return found


def _is_json(content_type: str) -> bool:
    kind = content_type.split(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


async def _read(receive: Receive) -> bytes:
    """The whole body. Raises ClientDisconnect where the client went away before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        if not message.get("more_body", False):
            return b"".join([*parts, part]) if parts else part
        parts.append(part)
