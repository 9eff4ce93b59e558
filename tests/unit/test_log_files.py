"""LOG_FILES as people write it, and what is told of it at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitals.orchestration.log_files import remarks
from vitals.settings.stack import StackSettings


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", ""),
        ("/var/log/a.log", "/var/log/a.log"),
        ("/var/log/a.log, /var/log/b.log", "/var/log/a.log,/var/log/b.log"),
        (" /var/log/a.log ,,/var/log/*.txt, ", "/var/log/a.log,/var/log/*.txt"),
        ("~/logs/*.log", "{home}/logs/*.log"),
        ("logs/a.log", "{here}/logs/a.log"),
        ("/var/log/with a space.log", "/var/log/with a space.log"),
    ],
)
def test_paths_reach_the_collector_whole(written: str, read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.chdir(tmp_path)
    assert StackSettings.load(log_files=written).log_files == read.format(home="/home/ann", here=tmp_path)


def test_what_is_followed_as_one_expects_needs_no_word(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("größe\n" * 1000)
    (tmp_path / "empty.log").touch()
    assert list(remarks(f"{tmp_path}/*.log,{tmp_path}/a.log")) == []
    assert list(remarks("")) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("added\n".encode("utf-16"), "is in UTF-16, or no text: its lines can't be read. Let its program write UTF-8."),
        ("added\n".encode("utf-16-le"), "is in UTF-16, or no text: its lines can't be read. Let its program write UTF-8."),
        (bytes(100), "is in UTF-16, or no text: its lines can't be read. Let its program write UTF-8."),
    ],
    ids=["UTF-16", "UTF-16 without a mark", "zeros"],
)
def test_what_can_not_be_read_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(content)
    assert list(remarks(f"{tmp_path}/*.log")) == [f"LOG_FILES: {tmp_path}/a.log {told}"]


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert list(remarks(f"{tmp_path}/a.log,{tmp_path}")) == [
        f"LOG_FILES: there is no file {tmp_path}/a.log: it is followed once there is one.",
        f"LOG_FILES: there is no file {tmp_path}: it is a folder; {tmp_path}/*.log would be the logs in it.",
    ]
