"""Checkouts: ours, which folder is one, and whether two paths are the same one."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""The checkout that this code stands in: the folder that holds the configuration files of the engines."""

_FILES = ("pyproject.toml", "native/process-compose.yaml")


def is_checkout(folder: Path) -> bool:
    """Whether a checkout stands in the folder; one that may not be looked into counts as one."""
    return all(_may_be_there(folder / file) for file in _FILES)


def enclosing_checkout(path: Path) -> Path | None:
    """The nearest folder, `path` itself or one above it, that is a checkout."""
    return next((folder for folder in (path, *path.parents) if is_checkout(folder)), None)


def same_folder(one: Path, other: Path) -> bool:
    """Whether both paths lead to one folder, through whatever links; False where either is not there."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _may_be_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
