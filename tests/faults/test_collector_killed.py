"""The Collector killed, also with a full queue, or away for a minute: what it took is on disk, the rest waits in the service."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from vitals.telemetry.defaults import BATCH_SIZE

from ..stack.conftest import Stack, eventually
from . import latency
from .accountant import balance
from .conftest import Fault
from .engines import dead, kill, ready
from .ledger import QUEUE_FULL
from .load import Load
from .own_collector import OwnCollector
from .relay import Relay

KILLS = 5
QUEUE_BYTES = 1_000_000
AWAY_SECONDS = 60


@pytest.mark.timeout(900)
def test_collector_away_and_killed(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    """First away, then killed again and again, under one load: what either cost is looked for once."""
    with (
        fault(
            f"Collector killed -9 and away for {AWAY_SECONDS} s", must_show="the service's buffer rides over it: 0 lost"
        ) as away,
        fault(
            "Collector killed -9 five times, three of them while Elasticsearch is away", must_show="0 lost, 0 duplicated"
        ) as killed,
        stack.another_service("collector-killed") as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            calm = [latency.before(load)]
            with dead(stack.settings.otlp_grpc_port):
                begun = time.monotonic()
                over = load.wait(AWAY_SECONDS)
            load.wait(5)
            for _ in range(2):
                kill(stack.settings.otlp_grpc_port)
                load.wait(4)
            with dead(stack.settings.elasticsearch_port):
                for _ in range(3):
                    load.wait(4)
                    kill(stack.settings.otlp_grpc_port)
            ready(stack, stack.settings.elasticsearch_port)
            load.wait(5)
        answers = load.answers()
        found = balance(stack, "collector-killed", answers, within=120)
        quick = latency.compared(load, away, calm, (begun, over))
        for row, part in (
            (away, [one for one in answers if one.scheduled < over]),
            (killed, [one for one in answers if one.scheduled >= over]),
        ):
            lost = sum(found.missing_among(part).values())
            row.figures |= {"answered": len(part), "lost": lost, "duplicated_in_both": found.duplicated, **found.dropped_figures}
            row.seen = f"{len(part)} answered, {lost} lost; in both Collector faults {found.duplicated} duplicated"
        killed.figures["kills"] = KILLS
        away.seen += f", counted as dropped: {found.dropped_in_words}; {latency.told(away)}"
        print(found.table())
        assert found.complete, found.table()
        assert all(one.ok for one in answers)
        assert quick, away.seen


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
