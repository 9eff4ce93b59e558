"""Where this code is: in a checkout, or installed as a package; and which folders are checkouts or installations."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

SHARED_FILES = "share"
"""The package's folder of configuration files. A wheel has it; a checkout does not, since the files' one copy is there."""

INSTALLED = (_PACKAGE / SHARED_FILES).is_dir()
"""Whether this code was installed from a wheel."""

ROOT = _PACKAGE.parent if INSTALLED else _PACKAGE.parents[2]
"""What the stack's data belong to: the checkout that this code stands in, or the folder of packages that it is installed in."""

NAME = Path(sys.prefix).name if INSTALLED else ROOT.name
"""What people call it: the checkout's name, or that of the environment."""

COMMAND = "vitals" if INSTALLED else ".venv/bin/vitals"
"""How the command is called, in a sentence."""

_FILES = ("pyproject.toml", "native/process-compose.yaml")


def is_checkout(folder: Path) -> bool:
    """Whether a checkout stands in the folder; one that may not be looked into counts as one."""
    return all(_may_be_there(folder / file) for file in _FILES)


def still_there(folder: Path) -> bool:
    """Whether a checkout stands in the folder, or an installation does."""
    return is_checkout(folder) or _is_installation(folder)


def described(folder: Path) -> str:
    """The folder with what stands there, for a sentence."""
    installed = _is_installation(folder) and not is_checkout(folder)
    return f"the installation in {folder}" if installed else f"the checkout {folder}"


def enclosing_checkout(path: Path) -> Path | None:
    """The nearest folder, `path` itself or one above it, that is a checkout."""
    return next((folder for folder in (path, *path.parents) if is_checkout(folder)), None)


def same_folder(one: Path, other: Path) -> bool:
    """Whether both paths lead to one folder, through whatever links; False where either is not there."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _is_installation(folder: Path) -> bool:
    return _may_be_there(folder / _PACKAGE.name / SHARED_FILES)


def _may_be_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
