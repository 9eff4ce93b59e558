"""The Collector away for a minute, killed, told to end: what it took is on disk, the rest waits in the service."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from vitals.telemetry.defaults import BATCH_SIZE

from ..config.composed import collector_grace, native
from ..stack.conftest import VITALS, Stack, eventually
from . import latency
from .accountant import balance
from .conftest import Fault
from .engines import dead, kill, process_of, ready
from .ledger import QUEUE_FULL, Balance
from .load import Answer, Load
from .own_collector import OwnCollector
from .relay import Relay
from .results import Row

SERVICE = "collector-ends"
KILLS = 5
QUEUE_BYTES = 1_000_000
AWAY_SECONDS = 60
MARGIN_SECONDS = 3
"""For the supervisor to send SIGKILL, and for the system to clear the process away."""


def test_both_ways_of_running_state_a_grace_period() -> None:
    """While a backend is away the Collector does not heed SIGTERM: somebody has to kill it, and has to say when."""
    assert 1 <= _native_grace() <= 10
    assert 1 <= int(collector_grace().removesuffix("s")) <= 30


@pytest.mark.timeout(900)
def test_collector_away_killed_and_stopped(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    """One after the other, under one load: what each cost is looked for once."""
    with (
        fault(
            "Collector stopped (SIGTERM) and started again while Elasticsearch is away, twice",
            must_show="0 lost; ended within the grace period, natively and in compose",
        ) as stopped,
        fault(
            "Collector killed -9 five times, three of them while Elasticsearch is away", must_show="0 lost, 0 duplicated"
        ) as killed,
        fault(
            f"Collector killed -9 and away for {AWAY_SECONDS} s", must_show="the service's buffer rides over it: 0 lost"
        ) as away,
        stack.another_service(SERVICE) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            calm = [latency.before(load), latency.undisturbed(load)]
            with dead(stack.settings.otlp_grpc_port):
                begun = time.monotonic()
                over = load.wait(AWAY_SECONDS)
            load.wait(5)
            calm.append(latency.undisturbed(load))
            for _ in range(2):
                kill(stack.settings.otlp_grpc_port)
                load.wait(4)
            with dead(stack.settings.elasticsearch_port):
                for _ in range(3):
                    load.wait(4)
                    kill(stack.settings.otlp_grpc_port)
                killed_over = load.wait(4)
                took = [_stopped_and_started(stack, load) for _ in range(2)]
            ready(stack, stack.settings.elasticsearch_port)
            load.wait(5)
        answers = load.answers()
        found = balance(stack, SERVICE, answers, within=120)
        quick = latency.compared(load, away, calm, (begun, over))
        _told(away, found, (one for one in answers if one.scheduled < over))
        _told(killed, found, (one for one in answers if over <= one.scheduled < killed_over))
        _told(stopped, found, (one for one in answers if killed_over <= one.scheduled))
        away.seen += f"; {latency.told(away)}"
        stopped.figures |= {
            "ended_after_s": ", ".join(f"{seconds:.1f}" for seconds in took),
            "grace_native_s": _native_grace(),
            "grace_compose": collector_grace(),
        }
        stopped.seen = (
            f"ended {stopped.figures['ended_after_s']} s after SIGTERM (grace {_native_grace()} s natively, "
            f"{collector_grace()} in compose); {stopped.seen}"
        )
        print(found.table())
        assert found.complete, found.table()
        assert all(one.ok for one in answers)
        assert max(took) <= _native_grace() + MARGIN_SECONDS
        assert quick, away.seen


def _told(row: Row, found: Balance, answered: Iterable[Answer]) -> None:
    """The figures of one fault's time; duplicates and drops are those of all three."""
    part = list(answered)
    lost = sum(found.missing_among(part).values())
    row.figures |= {"answered": len(part), "lost": lost, "duplicated_in_all": found.duplicated, **found.dropped_figures}
    row.seen = (
        f"{len(part)} answered, {lost} lost; in all three faults {found.duplicated} duplicated, "
        f"counted as dropped: {found.dropped_in_words}"
    )


def _native_grace() -> int:
    return int(native()["collector"]["shutdown"]["timeout_seconds"])


def _stopped_and_started(stack: Stack, load: Load) -> float:
    """`vitals down service` and `up service`; gives how long the Collector took to end, from SIGTERM on by its own log."""
    collector = process_of(stack.settings.otlp_grpc_port)
    command = subprocess.Popen([VITALS, "down", "service"], env=stack.environment, stderr=subprocess.PIPE, text=True)
    eventually(lambda: _gone(collector), within=120, why="the Collector has ended")
    gone = time.time()
    _, said = command.communicate(timeout=60)
    assert command.returncode == 0, said
    log = (stack.state / "logs" / "collector.log").read_text().splitlines()
    told = [json.loads(line)["ts"] for line in log if '"Received signal from OS"' in line]
    started = stack.vitals("up", "service")
    assert started.returncode == 0, started.stderr
    load.wait(5)
    return gone - datetime.fromisoformat(told[-1]).timestamp()


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.timeout(600)
def test_collector_killed_with_its_queue_full(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    """What did not fit is counted in the service, and all else is stored once.

    A request that the Collector had stored, but not answered when it was killed, is repeated; where there is no room for it then,
    the service counts it as dropped though it is stored. That is one request a signal and kill at the most, and never a loss.
    """
    with (
        fault(
            f"Collector killed -9 five times with a full queue of {QUEUE_BYTES / 1e6:.0f} MB, Elasticsearch out of its reach",
            must_show="0 lost, 0 duplicated of what was handed over; the rest counted, "
            "one request a signal and kill too many at most",
        ) as row,
        Relay(stack.settings.elasticsearch_port) as elasticsearch,
        OwnCollector(stack, tmp_path / "own", ELASTICSEARCH_URL=elasticsearch.url, QUEUE_BYTES=str(QUEUE_BYTES)) as collector,
        stack.another_service("queue-full", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            load.wait(5)
            with elasticsearch.cut():
                for signal in ("spans", "log_records"):
                    eventually(
                        lambda signal=signal: collector.metric(f"otelcol_exporter_enqueue_failed_{signal}"),
                        within=90,
                        why=f"there is no more room for {signal}",
                    )
                for _ in range(KILLS):
                    collector.kill()
                    collector.start()
                    load.wait(2)
            load.wait(5)
        answers = load.answers()
        found = balance(stack, "queue-full", answers, within=60, complete=False)
        spans, logs = found.totals
        uncounted, overcounted = spans.uncounted + logs.uncounted, spans.overcounted + logs.overcounted
        row.figures |= {
            "answered": len(answers),
            "emitted_spans": spans.emitted,
            "emitted_logs": logs.emitted,
            **found.dropped_figures,
            "lost_uncounted": uncounted,
            "counted_but_stored": overcounted,
            "jaeger_lacks_spans": spans.lacking("jaeger"),
            "duplicated": found.duplicated,
        }
        row.seen = (
            f"{spans.emitted:,} spans and {logs.emitted:,} logs emitted, counted as dropped: {found.dropped_in_words}; "
            f"{uncounted} lost without a count, {overcounted} counted but stored, {found.duplicated} duplicated; "
            f"Jaeger, in reach all the time, lacks {spans.lacking('jaeger')}"
        )
        print(found.table())
        assert all(one.ok for one in answers)
        assert uncounted == 0, found.table()
        assert spans.lacking("jaeger") == 0, found.table()
        assert found.duplicated == 0, found.table()
        assert overcounted <= KILLS * BATCH_SIZE * len(found.totals), found.table()
        assert set(spans.dropped) == set(logs.dropped) == {QUEUE_FULL}, "the queue was full, and nothing else was dropped"
        assert found.exact, found.table()
