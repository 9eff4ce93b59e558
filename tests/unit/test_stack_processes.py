"""Processes of a stack: found by their mark, ended with all they started; and the file that says which there are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from vitals.engines.cache import Engines
from vitals.host.processes import MARK, end_all, marked, wait_until
from vitals.orchestration.environment import stack_environment
from vitals.orchestration.groups import GROUPS
from vitals.orchestration.supervisor import COMPOSE_FILE, Supervisor
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

LASTS = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"


def start(mark: str, script: str = LASTS) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script], env={**os.environ, MARK: mark}, start_new_session=True)


@pytest.mark.slow
def test_processes_are_found_by_their_mark_with_their_children(tmp_path: Path) -> None:
    mine, other = f"{tmp_path.name}:elk", f"{tmp_path.name}x:elk"
    children = [start(mine), start(other)]
    try:
        assert wait_until(lambda: len(marked(mine)) == 2 and len(marked(other)) == 2, 20)
        assert {one.pid for one in marked(tmp_path.name)} == {one.pid for one in marked(mine)}
        end_all(marked(mine))
        assert marked(mine) == []
        assert len(marked(other)) == 2
    finally:
        end_all(marked(other) + marked(mine))
        for child in children:
            child.wait()


def test_what_does_not_heed_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ignores = (
        f"import pathlib, signal, time; signal.signal(15, signal.SIG_IGN); pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"
    )
    child = start(tmp_path.name, ignores)
    assert wait_until(ready.exists, 20)
    end_all(marked(tmp_path.name), grace_seconds=0.2)
    assert not psutil.pid_exists(child.pid)
    child.wait()


@pytest.mark.slow
def test_stopping_what_lost_its_supervisor_ends_it(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path.name, "service", tmp_path)
    child = start(supervisor.mark)
    assert wait_until(lambda: len(supervisor.running()) == 2, 20)
    assert not supervisor.alive()
    assert supervisor.states() == []
    supervisor.stop()
    assert supervisor.running() == []
    child.wait()


@pytest.mark.parametrize("group", GROUPS)
def test_process_compose_accepts_the_file(group: str, tmp_path: Path) -> None:
    settings = StackSettings.load()
    engines = Engines(settings.vitals_cache_dir)
    if any(recipe.name == "process-compose" for recipe in engines.missing()):
        pytest.skip("process-compose is not built yet: run `make engines`")
    environment = stack_environment(settings, Settings.load(), engines, tmp_path, {})
    checked = subprocess.run(
        [
            engines.binary("process-compose"),
            *("up", "--dry-run", "--config", COMPOSE_FILE, "--namespace", group),
            *("--disable-dotenv", "--log-file", tmp_path / "log"),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert checked.returncode == 0, (tmp_path / "log").read_text()
    assert "Validated" in checked.stdout
