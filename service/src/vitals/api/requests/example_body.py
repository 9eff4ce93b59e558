"""What a right request looks like for one model, in the values of its profile's example: shown where a body is another's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from vitals.bundle.schema import Feature, Profile

_MOST_CHARACTERS = 160
_LONGEST_TEXT = 40


def example_of(feature: Feature) -> str:
    """The feature's example as JSON text, short and without a character that could break a line."""
    value: Any = feature.example
    if feature.kind == "numeric" and feature.integer and isinstance(value, float) and value.is_integer():
        value = int(value)
    return _json(value)


def listed(parts: Iterable[str], more: str = "…") -> str:
    """As many of `parts` as are short enough together, at least one, with commas; then `more`, where some are left out."""
    shown: list[str] = []
    room = _MOST_CHARACTERS
    for part in parts:
        room -= len(part) + 2
        if room < 0 and shown:
            return ", ".join([*shown, more])
        shown.append(part)
    return ", ".join(shown)


class RightBody:
    """The bodies of POST /predict for one model.

    row: the object of one row. one, several: the bodies for one row and for several. sentence: what a body must be.
    """

    def __init__(self, profile: Profile) -> None:
        self.row = "{" + listed(f"{_json(feature.name)}: {example_of(feature)}" for feature in profile.features) + "}"
        self.one = '{"features": ' + self.row + "}"
        self.several = '{"instances": [' + self.row + ", …]}"
        self.sentence = f'The body must be {self.one} for one row, or {{"instances": [{{…}}, {{…}}]}} for several'


def _json(value: Any) -> str:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        value = value[: _LONGEST_TEXT - 1] + "…"
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
