"""What continuous integration runs: the suites in their order, none that has no time left, and nothing left out in silence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vitals.checkout import ROOT

MAKE = """#!/bin/sh
echo "made $1"
[ "$1" != "$FAILS" ]
"""
PYTHON = """#!/bin/sh
echo "$LACKING"
"""
[MINUTES] = map(int, re.findall(r"^MINUTES=(\d+) ", (ROOT / ".ci" / "run").read_text(), re.MULTILINE))
SUITES = re.findall(r"^  (test-[a-z]+):(\d+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The script, and what stands for make and for the environment's Python."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for name, script in (("make", MAKE), (".venv/bin/python", PYTHON)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(checkout: Path, minutes_gone: int = 0, fails: str = "", lacking: str = "") -> tuple[int, list[str], str]:
    """The status, the verbs that were run, and the report at the end."""
    done = subprocess.run(
        [checkout / ".ci" / "run"],
        env={
            "PATH": f"{checkout}{os.pathsep}{os.environ['PATH']}",
            "SECONDS": str(60 * minutes_gone),
            "FAILS": fails,
            "LACKING": lacking,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    before, _, report = done.stdout.partition("What was run:\n")
    return done.returncode, re.findall(r"^made (.*)$", before, re.MULTILINE), report


def test_all_of_it_in_its_order_where_there_is_time(checkout: Path) -> None:
    status, made, report = run(checkout)
    assert status == 0
    assert made == ["test", *(suite for suite, _ in SUITES)]
    assert report.count(": passed in") == len(made)


def test_a_suite_that_has_no_time_left_is_said_not_to_be_run(checkout: Path) -> None:
    status, made, report = run(checkout, minutes_gone=40)
    left_out = [suite for suite, minutes in SUITES if int(minutes) > MINUTES - 40]
    assert status == 0
    assert left_out
    assert made == ["test", *(suite for suite, _ in SUITES if suite not in left_out)]
    for suite in left_out:
        assert re.search(rf"^  {suite}: NOT RUN: it takes \d+ minutes, and 40 of {MINUTES} have gone$", report, re.MULTILINE)


def test_what_this_machine_lacks_is_said(checkout: Path) -> None:
    status, made, report = run(checkout, lacking="no debootstrap")
    assert status == 0
    assert "test-compose" not in made
    assert "  test-compose: NOT RUN: no debootstrap\n" in report


@pytest.mark.parametrize("fails", ["test", SUITES[0][0]])
def test_a_failure_ends_it_with_the_report(checkout: Path, fails: str) -> None:
    status, made, report = run(checkout, fails=fails)
    assert status != 0
    assert made[-1] == fails
    assert f"  {fails}: FAILED" in report


def test_each_suite_is_a_verb_and_each_suite_is_run() -> None:
    [everything] = re.findall(r"^test-all: (.*) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(everything.split()) == sorted(["test", *(suite for suite, _ in SUITES)])
