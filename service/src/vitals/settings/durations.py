"""Lengths of time as people write them: 500ms, 10s, 30m, 1h30m, 7d, 2w."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+)(ms|[smhdw])")
_WHOLE = re.compile(f"({_PART.pattern})+")


def is_length(value: object) -> bool:
    """Whether it is a length of time as `seconds` takes it."""
    return isinstance(value, str) and _WHOLE.fullmatch(value) is not None


def seconds(text: str) -> float:
    """The length in seconds. A number without a unit is none, and raises ValueError, as does anything else."""
    if not is_length(text):
        raise ValueError(f"{text!r} is not a length of time such as 30m, 1h or 2d")
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
