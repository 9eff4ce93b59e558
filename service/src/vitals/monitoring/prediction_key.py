"""The key that prediction ids are signed with: a file that all replicas share, or one for the process's life."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

from vitals.errors import SettingsError

_logger = logging.getLogger(__name__)

SHORTEST = 16
_BYTES = 32
_SHARED = "VITALS_EPHEMERAL_PREDICTION_KEY"
"""How the process that starts several workers hands its key to them."""


def prediction_key(path: Path | None) -> bytes:
    """The key in the file `path`, without the white space around it; without a file, one that ends with this run of the service.

    Raises SettingsError with a sentence where the file can't be read or is too short.
    """
    if path is not None:
        return _read(path)
    given = os.environ.get(_SHARED)
    if given:
        return bytes.fromhex(given)
    _warn()
    return secrets.token_bytes(_BYTES)


def share_ephemeral_key() -> None:
    """Make a key for workers that this process is about to start, so that each reads the others' ids."""
    os.environ[_SHARED] = secrets.token_hex(_BYTES)
    _warn()


def _warn() -> None:
    _logger.warning(
        "PREDICTION_KEY_FILE is not set: labels for predictions of this run are refused by other replicas and after a restart."
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(4096).strip()
    except OSError as wrong:
        raise SettingsError([f"PREDICTION_KEY_FILE is wrong: {path} can't be read ({wrong.strerror})."]) from None
    if len(key) < SHORTEST:
        raise SettingsError(
            [f"PREDICTION_KEY_FILE is wrong: the key in {path} has {len(key)} bytes; make one of {SHORTEST} or more at random."]
        )
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        _logger.warning("PREDICTION_KEY_FILE %s can be read by others than its owner: chmod 600 it.", path)
    return key
