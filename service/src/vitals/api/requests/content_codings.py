"""Content codings of request bodies (RFC 9110, 8.4): gzip and deflate, read within the limit of the body's size."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence

from starlette.exceptions import HTTPException

from vitals.api.requests.body_limit import too_large
from vitals.api.requests.rows import body_is
from vitals.settings.sizes import MIB

ACCEPTED = "gzip, deflate"

_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS  # zlib's names for the three formats
_GZIP_MAGIC = b"\x1f\x8b"

_MOST_CODINGS = 2
_MOST_MEMBERS = 1000
"""Members of one gzip stream: each costs some microseconds, however short it is."""

_PIECE = 65_536
"""Bytes given to zlib at once: what is left of them after the end of a member is copied."""

_LARGEST_RATIO = 1032
"""Deflate's: 258 bytes from two bits."""

_IN_THREAD_ABOVE = 4 * MIB
"""Bytes whose inflating, about 3 ms a million, would keep the event loop."""


async def decoded(body: bytes, headers: Sequence[str], most: int) -> bytes:
    """The body as it was before the codings that the `Content-Encoding` headers name, in their order, were applied.

    No step makes more than `most` bytes and one, whatever the body would become.
    Raises HTTPException (413) where the body would be larger, HTTPException (415) for any other coding, and InvalidInput where
    the body is cut off, damaged, or goes on after its end.
    """
    codings = [one for header in headers for part in header.split(",") if (one := part.strip().lower()) not in ("", "identity")]
    if len(codings) > _MOST_CODINGS:
        raise _unsupported(f"The body has more than {_MOST_CODINGS} content codings.")
    if not all(one in ("gzip", "x-gzip", "deflate") for one in codings):
        raise _unsupported("The body has a content coding that this service does not read: it reads gzip and deflate.")
    if not body:
        return body
    if min(most, len(body) * _LARGEST_RATIO ** len(codings)) > _IN_THREAD_ABOVE:
        return await asyncio.to_thread(_decode, body, codings, most)
    return _decode(body, codings, most)


def _decode(body: bytes, codings: Sequence[str], most: int) -> bytes:
    for coding in reversed(codings):  # the last was applied last
        body = _inflate(body, coding, most)
    return body


def _inflate(body: bytes, coding: str, most: int) -> bytes:
    """One coding undone. A gzip stream may have several members (RFC 1952, 2.2)."""
    bits = (_ZLIB if _is_zlib(body) else _RAW) if coding == "deflate" else _GZIP
    members, ended = 0, True
    found = bytearray()
    stream = zlib.decompressobj(bits)
    for start in range(0, len(body), _PIECE):
        piece = body[start : start + _PIECE]
        while piece:
            if ended:
                if members and (bits != _GZIP or piece[:1] != _GZIP_MAGIC[:1]):
                    raise body_is("encoding", f"The body continues after the end of its {coding} data")
                if members == _MOST_MEMBERS:
                    raise body_is("encoding", f"The body has more than {_MOST_MEMBERS} gzip members")
                stream, members = zlib.decompressobj(bits), members + 1
            try:
                found += stream.decompress(piece, most + 1 - len(found))
            except zlib.error:
                raise body_is("encoding", f"The body is not valid {coding} data, as its Content-Encoding says") from None
            if len(found) > most:
                raise too_large(most, "once decoded")
            ended = stream.eof
            piece = stream.unused_data if ended else stream.unconsumed_tail
    if not ended:
        raise body_is("encoding", f"The body ends before its {coding} data do")
    return bytes(found)


def _is_zlib(body: bytes) -> bool:
    """Whether it begins as zlib's format does (RFC 1950, 2.2); some clients send deflate without it.

    No encoder's raw stream begins so: that would be a stored block with padding that is not zero.
    """
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


def _unsupported(sentence: str) -> HTTPException:
    return HTTPException(415, sentence, headers={"Accept-Encoding": ACCEPTED})
