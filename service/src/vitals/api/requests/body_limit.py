"""The bound on a request's body as it arrives; `content_codings` holds what comes out of it to the same bound."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a body of more than `max_bytes`, whether its length is announced or only found out while reading."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the refusal is raised where the body is read, so that it is answered like any other error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            if announced.isdigit() and int(announced) > self._max_bytes:
                raise too_large(self._max_bytes)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise too_large(self._max_bytes)
            return message

        await self._app(scope, limited, send)


def too_large(most: int, decoded: str = "") -> HTTPException:
    """The refusal of a body of more than `most` bytes; decoded: "once decoded", where that is what is too large."""
    # An HTTPException, since FastAPI answers 400 to anything else that is raised while it reads a body.
    return HTTPException(413, f"The body is{decoded and f', {decoded},'} over the limit of {most} bytes.")
