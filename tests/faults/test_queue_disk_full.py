"""The disk of the queues is small, or full: the Collector lives, what it can't take is counted, and it recovers.

A disk that the queues can't fill is the way around what no configuration mends: where there is no room even to write down what
was read, the Collector's queue passes over a request that it had taken (`getNextItem` in exporterhelper's persistent_queue.go),
and no metric has that. So QUEUE_BYTES has to fit the disk, as `vitals doctor` says, and then everything is counted; a disk that
something else fills is a second test, which says what that costs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..stack.conftest import Stack, eventually
from .accountant import balance
from .conftest import Fault
from .ledger import QUEUE_FULL
from .load import Load
from .own_collector import OwnCollector
from .relay import Relay

DISK_MIB = 8
QUEUE_BYTES = 1_000_000
"""Of each of four queues: their files are some 1.6 times as large, and so fit."""

FULL_SECONDS = 12
NO_ROOM = "no space left on device"
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


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    """The disk has no byte left while the block runs."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue
        yield
    finally:
        ballast.unlink()


def _collector_on(disk: Path, begin_with: list[str], stack: Stack, folder: Path, elasticsearch: Relay) -> OwnCollector:
    variables = {"ELASTICSEARCH_URL": elasticsearch.url, "QUEUE_DIR": str(disk), "QUEUE_BYTES": str(QUEUE_BYTES)}
    return OwnCollector(stack, folder / "own", begin_with=begin_with, **variables)


def _drained(collector: OwnCollector) -> None:
    eventually(lambda: collector.metric("otelcol_exporter_queue_size"), lambda size: size < 200_000, within=120, why="it drains")


@pytest.mark.timeout(600)
def test_queues_on_a_small_disk(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    begin_with = _on_a_small_disk(disk)
    with (
        fault(
            f"The queues' disk is {DISK_MIB} MiB, QUEUE_BYTES fits it ({QUEUE_BYTES / 1e6:.0f} MB), Elasticsearch out of reach",
            must_show="no crash; drops counted; recovers when there is room",
        ) as row,
        Relay(stack.settings.elasticsearch_port) as elasticsearch,
        _collector_on(disk, begin_with, stack, tmp_path, elasticsearch) as collector,
        stack.another_service("small-disk", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            load.wait(5)
            with elasticsearch.cut():
                eventually(
                    lambda: collector.metric("otelcol_exporter_enqueue_failed_log_records"),
                    within=120,
                    why="there is no more room",
                )
                load.wait(FULL_SECONDS)
            _drained(collector)
            recovered = load.wait(2)
            load.wait(5)
        answers = load.answers()
        found = balance(stack, "small-disk", answers, within=60, complete=False)
        spans, logs = found.totals
        missing = found.missing_among(one for one in answers if one.scheduled >= recovered)
        uncounted = spans.uncounted + logs.uncounted
        row.figures |= {
            "answered": len(answers),
            "emitted_spans": spans.emitted,
            "emitted_logs": logs.emitted,
            **found.dropped_figures,
            "lost_uncounted": uncounted,
            "duplicated": found.duplicated,
            "missing_after_recovery": sum(missing.values()),
            "jaeger_lacks_spans": spans.lacking("jaeger"),
        }
        row.seen = (
            f"of {spans.emitted:,} spans and {logs.emitted:,} logs {found.dropped_in_words} counted as dropped, "
            f"{uncounted} lost uncounted, {found.duplicated} duplicated; "
            f"Jaeger, in reach all the time, lacks {spans.lacking('jaeger')}; "
            f"of what was answered once there was room {sum(missing.values())} missing"
        )
        print(found.table())
        assert all(one.ok for one in answers)
        assert collector.alive
        assert NO_ROOM not in collector.log.read_text(), "the queues can't fill this disk"
        assert set(spans.dropped) == set(logs.dropped) == {QUEUE_FULL}
        assert found.holds, found.table()
        assert spans.lacking("jaeger") == 0, found.table()
        assert not any(missing.values()), missing


@pytest.mark.timeout(600)
def test_queues_disk_filled_by_something_else(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    begin_with = _on_a_small_disk(disk)
    with (
        fault(
            f"The queues' disk ({DISK_MIB} MiB) filled to the last byte by something else, Elasticsearch out of reach",
            must_show="no crash; recovers when there is room; what the service could not hand over is counted",
        ) as row,
        Relay(stack.settings.elasticsearch_port) as elasticsearch,
        _collector_on(disk, begin_with, stack, tmp_path, elasticsearch) as collector,
        stack.another_service(
            "disk-full", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, TELEMETRY_BUFFER_BYTES=str(BUFFER_BYTES)
        ) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            load.wait(5)
            with elasticsearch.cut(), _filled(collector.seen_by_it(disk)):
                eventually(lambda: NO_ROOM in collector.log.read_text(), within=60, why="the disk is full")
                load.wait(FULL_SECONDS)
                assert collector.alive, collector.log.read_text()[-3000:]
            _drained(collector)
            recovered = load.wait(2)
            load.wait(5)
        answers = load.answers()
        found = balance(stack, "disk-full", answers, within=60, complete=False)
        spans, logs = found.totals
        uncounted = spans.uncounted + logs.uncounted
        missing = found.missing_among(one for one in answers if one.scheduled >= recovered)
        row.figures |= {
            "answered": len(answers),
            **found.dropped_figures,
            "lost_uncounted": uncounted,
            "duplicated": found.duplicated,
            "missing_after_recovery": sum(missing.values()),
            "jaeger_lacks_spans": spans.lacking("jaeger"),
        }
        row.seen = (
            f"the Collector ran on; of {spans.emitted:,} spans and {logs.emitted:,} logs "
            f"{found.dropped_in_words} counted as dropped, "
            f"and {uncounted} passed over by the Collector's queue without a count (see the known bugs below), "
            f"{found.duplicated} duplicated; Jaeger, in reach all the time, lacks {spans.lacking('jaeger')}; "
            f"of what was answered once there was room {sum(missing.values())} missing"
        )
        print(found.table())
        assert all(one.ok for one in answers)
        assert collector.alive
        # What its queue passed over nobody counts, and no configuration mends that: stated in the row, and not held to 0.
        assert spans.dropped.get("queue_full"), found.table()
        assert logs.dropped.get("queue_full"), found.table()
        assert found.duplicated == 0, found.table()
        assert found.exact, found.table()
        assert not any(missing.values()), missing
