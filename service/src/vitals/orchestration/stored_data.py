"""What a stack keeps in its state folder, and its deletion."""

from __future__ import annotations

import shutil
from pathlib import Path

from vitals.orchestration.groups import GROUPS, SERVERS, Target, members

_EVERYTHING = (
    "secrets",
    "elasticsearch",
    "prometheus",
    "alertmanager",
    "jaeger",
    *SERVERS,
    "collector",
    "logs",
    "model",
    "scenarios",
    "run",
)
"""What may be deleted of the state folder: it is the user's choice, and may hold other things."""


def stored(state: Path, target: Target) -> list[str]:
    """What there is to delete of a target's data, as paths in the state folder."""
    names = _EVERYTHING if target == "all" else [folder for name in members(target) for folder in GROUPS[name].data]
    return [name for name in names if (state / name).exists() or (state / name).is_symlink()]


def delete(state: Path, target: Target) -> None:
    """Delete a target's data; of a link to another folder only the link."""
    for name in stored(state, target):
        path = state / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
