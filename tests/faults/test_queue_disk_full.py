"""The disk of the queues is full: the Collector lives, what it can't take the service keeps or counts, and it recovers.

One thing no configuration mends: the queue writes down what it reads, and where there is no room for that it passes over a
request that it had taken (`getNextItem` in exporterhelper's persistent_queue.go). No metric has that; the log does.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vitals.telemetry.defaults import BATCH_SIZE

from ..stack.conftest import Stack, eventually
from .accountant import balance
from .conftest import Fault
from .engines import dead, ready
from .load import Load
from .own_collector import OwnCollector

DISK_MIB = 8
FULL_SECONDS = 20
BUFFER_BYTES = 500_000
"""The service's: less than what it has to say while the disk is full, so that there is something to count."""


def _on_a_small_disk(folder: Path) -> list[str]:
    """What a command is begun with so that `folder` is a small disk for it alone; skips where the system does not allow it."""
    folder.mkdir(parents=True)
    apart = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    mounted = ["sh", "-c", f'mount -t tmpfs -o size={DISK_MIB}m,mode=0700 tmpfs "$0" && exec "$@"', str(folder)]
    tried = subprocess.run([*apart, *mounted, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"A disk of {DISK_MIB} MiB can't be made here, neither as root nor in a namespace: {tried.stderr.strip()}")
    return [*apart, *mounted]


@pytest.mark.timeout(600)
def test_queue_disk_full(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    begin_with = _on_a_small_disk(disk)
    with (
        fault(
            f"The queues' disk ({DISK_MIB} MiB) full, Elasticsearch away",
            must_show="no crash; drops counted; recovers when there is room",
        ) as row,
        OwnCollector(stack, tmp_path / "own", begin_with=begin_with, QUEUE_DIR=str(disk)) as collector,
        stack.another_service(
            "disk-full", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, TELEMETRY_BUFFER_BYTES=str(BUFFER_BYTES)
        ) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            load.wait(5)
            with dead(stack.settings.elasticsearch_port):
                eventually(lambda: "no space left on device" in collector.log.read_text(), within=180, why="the disk is full")
                load.wait(FULL_SECONDS)
                assert collector.alive, collector.log.read_text()[-3000:]
                full = collector.metric("otelcol_exporter_queue_size")
                refused = {
                    signal: collector.metric(f"otelcol_receiver_refused_{signal}")
                    for signal in ("spans", "log_records", "metric_points")
                }
            ready(stack, stack.settings.elasticsearch_port)
            eventually(
                lambda: collector.metric("otelcol_exporter_queue_size"),
                lambda size: size < full / 2,
                within=120,
                why="it has drained",
            )
            recovered = load.wait(5)
            load.wait(10)
        answers = load.answers()
        found = balance(stack, "disk-full", answers, within=120, complete=False)
        spans, logs = found.totals
        uncounted = spans.uncounted + logs.uncounted
        logged = collector.log.read_text().count("Failed updating currently dispatched items")
        afterwards = {str(one.trace_id) for one in answers if one.scheduled >= recovered}
        missing = {place.place: len(afterwards & set(place.missing)) for place in found.accounts}
        row.figures |= {
            "answered": len(answers),
            **{f"refused_{signal}": int(count) for signal, count in refused.items()},
            **{f"dropped_{name}": count for name, count in found.dropped.items()},
            "lost_uncounted": uncounted,
            "requests_in_the_log": logged,
            "counted_but_stored": spans.overcounted + logs.overcounted,
            "duplicated": found.duplicated,
            "missing_after_recovery": sum(missing.values()),
        }
        row.seen = (
            f"the Collector ran on, and refused; of {spans.emitted} spans and {logs.emitted} logs {uncounted} lost uncounted "
            f"(the Collector's log has {logged} requests that it could not write about), "
            f"dropped as counted: {found.dropped or 'none'}, {found.duplicated} duplicated; "
            f"of what was answered once there was room {sum(missing.values())} missing"
        )
        print(found.table())
        assert collector.alive
        assert any(refused.values()), "the disk was full"
        assert set(spans.dropped) == {"queue_full"}, (
            "what the Collector could not keep, the service kept, as far as there was room"
        )
        assert uncounted <= logged * BATCH_SIZE, f"{logged} requests in the log: {found.table()}"
        assert found.duplicated == 0, found.table()
        assert found.exact, found.table()
        assert not any(missing.values()), missing
