"""A class's name: one spelling, whether it comes from an estimator, a data file or a request."""

from __future__ import annotations

from typing import Any


def class_name(value: Any) -> str:
    """`value` as the name of a class: true and false as in JSON, whole numbers without a fraction, anything else as its text."""
    item = getattr(value, "item", None)  # a numpy scalar
    plain = item() if callable(item) else value
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, float) and plain.is_integer():
        return str(int(plain))
    return str(plain)
