"""Which features' drift is watched."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vitals.errors import DataError


def names_watched(features: Sequence[str], not_watched: Collection[str]) -> frozenset[str]:
    """The names of `features` but those of `not_watched`. Raises DataError where one of these is no feature."""
    for name in not_watched:
        if name not in features:
            listed = ", ".join(features[:20]) + (f" and {len(features) - 20} more" if len(features) > 20 else "")
            raise DataError(f"There is no feature '{name}' to leave out of drift with --no-drift: the model takes {listed}.")
    return frozenset(features) - frozenset(not_watched)
