"""Each backend frozen for a minute, then Prometheus and Elasticsearch killed and away for minutes: nobody who asks notices.

All under one load, one after the other. How long answers took meanwhile is held to the undisturbed times before, between and
after; every answered request is looked for once, at the end. Elasticsearch comes last: it catches up sooner without load.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..stack.conftest import Stack
from . import latency
from .accountant import balance
from .conftest import Fault
from .engines import dead, queued, ready
from .freezing import BACKENDS, FROZEN_SECONDS, Frozen, freeze
from .ledger import Balance
from .load import Answer, Load
from .prometheus_gaps import Exemplars, exemplars, longest_gap, named
from .results import Row

SERVICE = "backends-away"
OUTAGE_SECONDS = float(os.environ.get("FAULTS_OUTAGE_SECONDS", "120"))
PROMETHEUS_AWAY_SECONDS = 120
LONGEST_GAP_SECONDS = 5
"""Samples come once a second; an export that fails and is repeated makes it a few."""


@dataclass(frozen=True)
class Outage:
    """Elasticsearch's: when it lasted (monotonic), how long its start took, and the bytes that waited."""

    during: tuple[float, float]
    ready_after: float
    waiting: float


@dataclass(frozen=True)
class Absence:
    """Prometheus's: when it lasted (monotonic, and by the wall's clock), and since when its figures are looked at."""

    during: tuple[float, float]
    since: float
    gone: float
    returned: float
    had: Exemplars


@dataclass(frozen=True)
class Seen:
    """What every row is filled from: the load, its undisturbed times, its answers, and where they were found."""

    load: Load
    calm: list[tuple[float, float]]
    answers: list[Answer]
    found: Balance

    def part(self, row: Row, during: tuple[float, float]) -> bool:
        """The figures of one fault's time; gives whether the answers were quick enough."""
        part = [one for one in self.answers if during[0] <= one.scheduled < during[1]]
        row.figures |= {
            "answered_meanwhile": len(part),
            "lost": sum(self.found.missing_among(part).values()),
            "duplicated_in_all": self.found.duplicated,
        }
        quick = latency.compared(self.load, row, self.calm, during)
        row.seen = (
            f"{len(part)} answered meanwhile, {row.figures['lost']} lost, {self.found.duplicated} duplicated; {latency.told(row)}"
        )
        return quick


@pytest.mark.timeout(1200 + 3 * OUTAGE_SECONDS)
def test_backends_frozen_and_away(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    slow = "/predict p99 ≤ 1.5 times before"
    with ExitStack() as rows, stack.another_service(SERVICE) as service:
        freezes = {
            backend: rows.enter_context(
                fault(f"{backend} frozen (SIGSTOP) for {FROZEN_SECONDS} s", must_show=f"{slow}; catches up after")
            )
            for backend in BACKENDS
        }
        killed = rows.enter_context(
            fault(
                f"Elasticsearch killed -9 and away for {OUTAGE_SECONDS / 60:.0f} minutes",
                must_show=f"0 lost, 0 duplicated, {slow}",
            )
        )
        away = rows.enter_context(
            fault(
                f"Prometheus killed -9 and away for {PROMETHEUS_AWAY_SECONDS} s",
                must_show="no gap in counters' totals; exemplars of that time named as lost or kept",
            )
        )
        with Load(service.url, folder=tmp_path) as load:
            calm = [latency.before(load)]
            frozen = {backend: freeze(stack, load, backend) for backend in BACKENDS}
            since = time.time()
            calm.append(latency.undisturbed(load))
            absence = _prometheus_killed(stack, load, since)
            calm.append(latency.undisturbed(load))
            ended = time.time()
            outage = _elasticsearch_killed(stack, load)
        answers = load.answers()
        begun = time.monotonic()
        found = balance(stack, SERVICE, answers, within=60 + OUTAGE_SECONDS)
        complete_after = time.monotonic() - begun
        seen = Seen(load, calm, answers, found)
        quick = [
            *(_told_frozen(freezes[backend], seen, one) for backend, one in frozen.items()),
            _told_killed(killed, seen, outage, complete_after),
            _told_away(away, seen, absence, stack, ended),
        ]
        print(found.table())
        assert all(one.ok for one in answers)
        assert all(one.waiting > one.usual for one in frozen.values()), "each was frozen"
        assert found.complete, found.table()
        assert float(away.figures["longest_gap_s"]) <= LONGEST_GAP_SECONDS, away.seen
        assert all(quick), [row.seen for row in (*freezes.values(), killed, away)]


def _elasticsearch_killed(stack: Stack, load: Load) -> Outage:
    with dead(stack.settings.elasticsearch_port):
        begun = time.monotonic()
        back = load.wait(OUTAGE_SECONDS)
        waiting = queued(stack, *BACKENDS["Elasticsearch"][1])
    ready(stack, stack.settings.elasticsearch_port)
    ready_after = time.monotonic() - back
    load.wait(5)
    return Outage((begun, back), ready_after, waiting)


def _prometheus_killed(stack: Stack, load: Load, since: float) -> Absence:
    had = exemplars(stack, SERVICE, since, time.time())
    with dead(stack.settings.prometheus_port):
        begun, gone = time.monotonic(), time.time()
        back = load.wait(PROMETHEUS_AWAY_SECONDS)
        returned = time.time()
    ready(stack, stack.settings.prometheus_port)
    return Absence((begun, back), since, gone, returned, had)


def _told_frozen(row: Row, seen: Seen, frozen: Frozen) -> bool:
    quick = seen.part(row, frozen.during)
    row.figures |= {
        "waiting_mb": round(frozen.waiting / 1e6, 2),
        "usually_waiting_mb": round(frozen.usual / 1e6, 2),
        "caught_up_after_s": round(frozen.caught_up, 1),
    }
    row.seen += f"; {frozen.waiting / 1e6:.1f} MB waited, caught up {frozen.caught_up:.1f} s after it went on"
    return quick


def _told_killed(row: Row, seen: Seen, outage: Outage, complete_after: float) -> bool:
    quick = seen.part(row, outage.during)
    row.figures |= {
        "waiting_on_disk_mb": round(outage.waiting / 1e6, 1),
        "elasticsearch_ready_after_s": round(outage.ready_after, 1),
        "complete_after_load_s": round(complete_after, 1),
    }
    row.seen += f"; {outage.waiting / 1e6:.1f} MB waited on disk, everything was found {complete_after:.0f} s after the load"
    return quick


def _told_away(row: Row, seen: Seen, absence: Absence, stack: Stack, ended: float) -> bool:
    quick = seen.part(row, absence.during)
    before = exemplars(stack, SERVICE, absence.since, absence.gone)
    meanwhile = exemplars(stack, SERVICE, absence.gone, absence.returned)
    after = exemplars(stack, SERVICE, absence.returned, ended)
    assert {trace_id for trace_id, _ in meanwhile} <= {one.trace_id for one in seen.answers}, "each names an answered request"
    usual = (len(before) + len(after)) / (absence.gone - absence.since + ended - absence.returned)
    rate = len(meanwhile) / (absence.returned - absence.gone)
    gap = longest_gap(stack, SERVICE, absence.since, ended)
    survived = len(absence.had & before)
    row.figures |= {
        "longest_gap_s": round(gap, 1),
        "exemplars_while_away": len(meanwhile),
        "exemplars_a_second_while_away": round(rate, 2),
        "exemplars_a_second_otherwise": round(usual, 2),
        "exemplars_from_before": len(absence.had),
        "exemplars_from_before_still_there": survived,
    }
    row.seen += (
        f"; counters' totals exact, longest gap between samples {gap:.1f} s; exemplars of the outage {named(rate, usual)}: "
        f"{len(meanwhile)}, {rate:.1f} a second, otherwise {usual:.1f}; "
        f"{survived} of {len(absence.had)} from before were still there"
    )
    return quick
