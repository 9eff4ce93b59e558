"""Sizes in bytes as Java, Docker and Elasticsearch write them: 512m, 1536m, 20gb. Each unit is 1,024 of the one before it."""

from __future__ import annotations

import re

KIB, MIB, GIB, TIB = (1024**power for power in (1, 2, 3, 4))

_UNITS = {"": 1, "k": KIB, "m": MIB, "g": GIB, "t": TIB}
_SIZE = re.compile(r"(\d+)([kmgt]?)b?", re.IGNORECASE)


def size(text: str) -> int:
    """The size in bytes; a number without a unit is bytes. Raises ValueError for anything else."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 512m or 20gb")
    return int(found[1]) * _UNITS[found[2].lower()]
