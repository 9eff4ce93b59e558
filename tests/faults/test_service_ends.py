"""The service ends under load: asked to, killed, or a worker of it. What was answered is stored, but for the last moment."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ..stack.conftest import AnotherService, Stack, eventually
from .accountant import balance
from .conftest import Fault
from .ledger import Balance
from .load import Answer, Load

LAST_SECONDS = 0.2
"""What a SIGKILL may cost: the answers of so long before it. They were still on their way out of the process."""

UNTIL_STORED = 10
LOAD_SECONDS = 6


def _end(load: Load) -> list[Answer]:
    """Every request, those that nobody was there to answer any more among them."""
    load.stop()
    return load.answers()


def _missing(found: Balance) -> set[str]:
    """Answered requests that Elasticsearch or Jaeger lacks."""
    return {trace_id for account in found.accounts for trace_id in account.missing}


def _before(moment: float, trace_ids: set[str], answers: Iterable[Answer]) -> float:
    """How many seconds before a moment the first of these answers was; 0 where there is none."""
    answered = [one.answered for one in answers if one.trace_id in trace_ids and one.answered is not None]
    return max((moment - one for one in answered), default=0.0)


def _worker(service: AnotherService, port: int) -> psutil.Process:
    """A process below the service that holds a connection to its port."""

    def serving() -> list[psutil.Process]:
        found = []
        for process in psutil.Process(service.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                established = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
                if any(one.laddr.port == port for one in established):
                    found.append(process)
        return found

    return eventually(serving, why="a worker serves")[0]


@pytest.mark.timeout(300)
def test_service_told_to_end(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    with (
        fault("service ended by SIGTERM under load", must_show="0 lost of what was answered") as row,
        stack.another_service("service-terminated") as service,
        Load(service.url, folder=tmp_path) as load,
    ):
        load.wait(LOAD_SECONDS)
        service.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        status = service.process.wait(60)
        took = time.monotonic() - begun
        answers = _end(load)
        found = balance(stack, "service-terminated", answers, within=UNTIL_STORED)
        answered = [one for one in answers if one.ok]
        row.figures |= {
            "answered": len(answered),
            "lost": found.lost,
            "duplicated": found.duplicated,
            "ended_after_s": round(took, 1),
        }
        row.seen = f"{len(answered)} answered, {found.lost} lost, {found.duplicated} duplicated; ended after {took:.1f} s"
        assert status == 0, service.output
        assert not _missing(found), found.table()
        assert not found.duplicated
        assert found.exact, found.table()


@pytest.mark.timeout(300)
def test_service_killed(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    with (
        fault("service killed -9 under load", must_show="at most the answers of the last 200 ms are lost") as row,
        stack.another_service("service-killed") as service,
        Load(service.url, folder=tmp_path) as load,
    ):
        load.wait(LOAD_SECONDS)
        killed = time.monotonic()
        service.process.kill()
        service.process.wait(10)
        answers = _end(load)
        found = balance(stack, "service-killed", answers, within=UNTIL_STORED)
        answered, missing = [one for one in answers if one.ok], _missing(found)
        earliest = _before(killed, missing, answers)
        not_counted = max(account.lost for account in found.accounts if account.place.startswith("prometheus"))
        row.figures |= {
            "answered": len(answered),
            "lost": len(missing),
            "first_lost_before_kill_ms": round(earliest * 1000),
            "not_in_the_counters": not_counted,
            "duplicated": found.duplicated,
        }
        row.seen = (
            f"{len(answered)} answered; {len(missing)} are not stored, the first of them answered "
            f"{earliest * 1000:.0f} ms before the kill; the counters, sent every second, miss the last {not_counted}"
        )
        assert earliest <= LAST_SECONDS, found.table()
        assert not found.duplicated


@pytest.mark.timeout(300)
def test_a_worker_killed(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    with (
        fault(
            "one of two workers killed -9 under load",
            must_show="the other goes on; at most the last 200 ms of that worker are lost",
        ) as row,
        stack.another_service("worker-killed", SERVICE_WORKERS="2") as service,
        Load(service.url, folder=tmp_path) as load,
    ):
        load.wait(LOAD_SECONDS)
        instances = 'count(count by (instance) (last_over_time(ml_model_info{job="worker-killed"}[10m])))'
        eventually(lambda: stack.total(instances), lambda seen: seen == 2, why="both workers are instances")
        victim = _worker(service, int(service.url.rpartition(":")[2]))
        killed = time.monotonic()
        victim.kill()
        eventually(lambda: stack.total(instances), lambda seen: seen == 3, within=60, why="a third worker took its place")
        load.wait(5)
        answers = _end(load)
        found = balance(stack, "worker-killed", answers, within=UNTIL_STORED)
        answered, missing = [one for one in answers if one.ok], _missing(found)
        earliest = _before(killed, missing, answers)
        latest = _before(killed, missing, [one for one in answers if one.answered is not None and one.answered > killed + 1])
        unanswered = [one for one in answers if not one.ok]
        row.figures |= {
            "answered": len(answered),
            "unanswered": len(unanswered),
            "lost": len(missing),
            "first_lost_before_kill_ms": round(earliest * 1000),
            "duplicated": found.duplicated,
        }
        row.seen = (
            f"{len(answered)} answered, {len(unanswered)} broken off with the worker; {len(missing)} are not stored, "
            f"the first of them answered {earliest * 1000:.0f} ms before the kill; another worker took its place"
        )
        assert earliest <= LAST_SECONDS, found.table()
        assert latest == 0, "what was answered after the kill is stored"
        assert all(one.scheduled < killed + 1 for one in unanswered), "only what was under way was broken off"
        assert not found.duplicated
