"""Elasticsearch killed and away for minutes: nothing is lost or stored twice, and nobody who asks for a prediction notices."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ..stack.conftest import Stack
from . import latency
from .accountant import balance
from .conftest import Fault
from .engines import dead, queued, ready
from .load import Load

OUTAGE_SECONDS = float(os.environ.get("FAULTS_OUTAGE_SECONDS", "120"))


@pytest.mark.timeout(600 + 3 * OUTAGE_SECONDS)
def test_elasticsearch_killed(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    with (
        fault(
            f"Elasticsearch killed -9 and away for {OUTAGE_SECONDS / 60:.0f} minutes",
            must_show="0 lost, 0 duplicated, /predict p99 ≤ 1.5 times before",
        ) as row,
        stack.another_service("elasticsearch-killed") as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            calm = latency.before(load)
            with dead(stack.settings.elasticsearch_port):
                away = time.monotonic()
                load.wait(OUTAGE_SECONDS)
                back = time.monotonic()
                waiting = queued(stack, "elasticsearch/logs", "elasticsearch/traces")
            ready(stack, stack.settings.elasticsearch_port)
            started = time.monotonic()
            load.wait(5)
        answers = load.answers()
        ended = time.monotonic()
        found = balance(stack, "elasticsearch-killed", answers, within=60 + OUTAGE_SECONDS)
        quick = latency.compared(load, row, calm, (away, back))
        row.figures |= {
            "outage_seconds": round(back - away),
            "answered": len([one for one in answers if one.ok]),
            "unanswered": len([one for one in answers if not one.ok]),
            "lost": found.lost,
            "duplicated": found.duplicated,
            "waiting_on_disk_mb": round(waiting / 1e6, 1),
            "elasticsearch_ready_after_s": round(started - back, 1),
            "complete_after_load_s": round(time.monotonic() - ended, 1),
            "p99_while_catching_up_ms": latency.milliseconds(load.p99(back, ended)),
        }
        row.seen = (
            f"away for {back - away:.0f} s at {load.rate:.0f} requests/s: {row.figures['answered']} answered, {found.lost} lost, "
            f"{found.duplicated} duplicated; {latency.told(row)}; {row.figures['waiting_on_disk_mb']} MB waited on disk"
        )
        print(found.table())
        assert found.complete, found.table()
        assert not row.figures["unanswered"]
        assert quick, row.seen
