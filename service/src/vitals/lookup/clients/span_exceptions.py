"""Exceptions that were recorded on a span, as the stores keep them: beside the logs, or with the span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXCEPTION = "exception"
"""The name of such an event."""


def recorded(attributes: Mapping[str, Any]) -> str:
    """One line for it, as a log's message would be."""
    kind, message = attributes.get("exception.type", ""), attributes.get("exception.message", "")
    return ": ".join(str(part) for part in (kind, message) if part)
