"""The Collector stopped and started again while Elasticsearch is away: it ends within its grace, and what it held is on disk."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from ..config.composed import collector_grace, native
from ..stack.conftest import VITALS, Stack, eventually
from .accountant import balance
from .conftest import Fault
from .engines import dead, process_of, ready
from .load import Load

MARGIN_SECONDS = 3
"""For the supervisor to send SIGKILL, and for the system to clear the process away."""


def test_both_ways_of_running_state_a_grace_period() -> None:
    """While a backend is away the Collector does not heed SIGTERM: somebody has to kill it, and has to say when."""
    assert 1 <= _native_grace() <= 10
    assert 1 <= int(collector_grace().removesuffix("s")) <= 30


def _native_grace() -> int:
    return int(native()["collector"]["shutdown"]["timeout_seconds"])


@pytest.mark.timeout(600)
def test_collector_stopped_while_elasticsearch_is_away(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    with (
        fault(
            "Collector stopped (SIGTERM) and started again while Elasticsearch is away, twice",
            must_show="0 lost; ended within the grace period, natively and in compose",
        ) as row,
        stack.another_service("collector-stopped") as service,
    ):
        grace = _native_grace()
        with Load(service.url, folder=tmp_path) as load:
            load.wait(5)
            with dead(stack.settings.elasticsearch_port):
                took = []
                for _ in range(2):
                    load.wait(5)
                    took.append(_stopped(stack))
                    started = stack.vitals("up", "service")
                    assert started.returncode == 0, started.stderr
            ready(stack, stack.settings.elasticsearch_port)
            load.wait(5)
        answers = load.answers()
        found = balance(stack, "collector-stopped", answers, within=90)
        row.figures |= {
            "answered": len(answers),
            "lost": found.lost,
            "duplicated": found.duplicated,
            **found.dropped_figures,
            "ended_after_s": ", ".join(f"{seconds:.1f}" for seconds in took),
            "grace_native_s": grace,
            "grace_compose": collector_grace(),
        }
        row.seen = (
            f"ended {row.figures['ended_after_s']} s after SIGTERM (grace {grace} s natively, {row.figures['grace_compose']} in "
            f"compose); {len(answers)} answered, {found.lost} lost, {found.duplicated} duplicated"
        )
        print(found.table())
        assert max(took) <= grace + MARGIN_SECONDS
        assert found.complete, found.table()
        assert all(one.ok for one in answers)


def _stopped(stack: Stack) -> float:
    """`vitals down service`; gives how long the Collector took to end, from when SIGTERM reached it by its own log."""
    collector = process_of(stack.settings.otlp_grpc_port)
    command = subprocess.Popen([VITALS, "down", "service"], env=stack.environment, stderr=subprocess.PIPE, text=True)
    eventually(lambda: _gone(collector), within=120, why="the Collector has ended")
    gone = time.time()
    _, said = command.communicate(timeout=60)
    assert command.returncode == 0, said
    log = (stack.state / "logs" / "collector.log").read_text().splitlines()
    told = [json.loads(line)["ts"] for line in log if '"Received signal from OS"' in line]
    return gone - datetime.fromisoformat(told[-1]).timestamp()


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
