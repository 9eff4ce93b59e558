"""What another user can read where root, or anybody with a strict umask, has made the stack's folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitals.host.permissions import let_through, readable_by_all


@pytest.fixture(autouse=True)
def _strict() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_an_engine_can_be_read_and_run_by_all(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    (engine / "bin").mkdir(parents=True)
    program, text = engine / "bin" / "server", engine / "notes.txt"
    program.touch(0o777)
    text.touch(0o666)
    (engine / "link").symlink_to(text)
    assert [_mode(one) for one in (engine, engine / "bin", program, text)] == [0o700, 0o700, 0o700, 0o600]
    readable_by_all(engine)
    assert [_mode(one) for one in (engine, engine / "bin", program, text)] == [0o755, 0o755, 0o755, 0o644]


@pytest.mark.parametrize(("around", "passes"), [("vitals", True), ("somebody's", False)])
def test_only_our_own_folders_let_others_through(around: str, passes: bool, tmp_path: Path) -> None:
    state = tmp_path / around / "checkout"
    state.mkdir(parents=True)
    before = _mode(tmp_path)
    let_through(state)
    assert _mode(state) == 0o711
    assert _mode(state.parent) == (0o711 if passes else 0o700)
    assert _mode(tmp_path) == before
