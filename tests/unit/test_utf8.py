"""Where the terminal, or what output is piped into, is not UTF-8."""

from __future__ import annotations

import locale
import os
import subprocess
import sys
from typing import Any

import pytest

from vitals import cli


@pytest.fixture
def begun_again(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been executed in place of this process."""
    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")})
    seen: list[Any] = []
    monkeypatch.setattr(os, "execv", lambda *given: seen.append(given))
    return seen


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "ANSI_X3.4-1968", "cp1252"])
def test_files_are_read_as_utf8_all_the_same(encoding: str, begun_again: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: encoding)
    cli.in_utf8(0)
    assert begun_again == [(sys.executable, [sys.executable, *sys.orig_argv[1:]])]
    assert os.environ["PYTHONUTF8"] == "1"
    assert os.environ["PYTHONIOENCODING"] == f"{encoding}:replace"
    cli.in_utf8(0)
    assert len(begun_again) == 1


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8"])
def test_once_is_enough_where_it_is_utf8(encoding: str, begun_again: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: encoding)
    cli.in_utf8(0)
    assert begun_again == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii:replace"},
        {"PYTHONIOENCODING": "latin-1:replace"},
    ],
    ids=["C", "POSIX", "an ASCII terminal", "a Latin-1 terminal"],
)
def test_every_option_can_be_shown(variables: dict[str, str]) -> None:
    """Piped, as most output of a program is that another one reads."""
    shown = subprocess.run(
        [sys.executable, "-m", "vitals.cli", "options"],
        env={**os.environ, "VITALS_ENV_FILE": os.devnull, **variables},
        capture_output=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert b"SERVICE_PORT" in shown.stdout
