"""Folders that Elasticsearch's own user has to reach when root starts the stack, whatever root's umask is."""

from __future__ import annotations

from pathlib import Path


def readable_by_all(folder: Path) -> None:
    """Everybody may read what is in it; nobody more than now may write."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_symlink():
            continue
        mode = path.stat().st_mode & 0o777
        path.chmod(mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044))


def let_through(folder: Path) -> None:
    """Everybody may pass through it to what they may read below, and through the folder `vitals` that it may be in.

    Nobody else's folder changes: a state folder that somebody has put into root's home stays out of reach.
    """
    around = [folder.parent] if folder.parent.name == "vitals" else []
    for one in (folder, *around):
        mode = one.stat().st_mode & 0o777
        if mode & 0o011 != 0o011:
            one.chmod(mode | 0o011)
