"""What an engine's error says, in words and not in its JSON."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx

_LONGEST = 200


def words_of(answer: httpx.Response) -> str:
    """The sentence in the body, or how its text begins; empty where JSON has none."""
    try:
        said = answer.json()
    except ValueError:
        said = answer.text
    return _words(said)


def _words(said: Any) -> str:
    """Elasticsearch, Prometheus, Jaeger and problem details (RFC 9457) each have another place for them."""
    for key in ("reason", "detail", "error", "errors", "msg", "message"):
        if isinstance(said, dict) and said.get(key):
            return _words(said[key])
    if isinstance(said, list) and said:
        return _words(said[0])
    return " ".join(said.split())[:_LONGEST] if isinstance(said, str) else ""
