"""Elasticsearch answers, and refuses: whole requests, half of one, and everything at the flood stage of its disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from ..stack.administrator import administrator, ask_for_room
from ..stack.conftest import Stack, eventually
from .accountant import balance
from .conftest import Fault
from .load import Load
from .own_collector import OwnCollector
from .troubled_elasticsearch import Answering, Mode

PHASE_SECONDS = 8.0
MORE_THAN_ANY_DISK = "1000tb"


@pytest.mark.timeout(600)
def test_429_503_and_half_of_a_bulk_refused(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    phases: tuple[Mode, ...] = ("429", "503", "half")
    with (
        fault(
            "Elasticsearch answers 429, then 503, then refuses half of each bulk", must_show="retried, 0 lost, 0 duplicated"
        ) as row,
        Answering(f"http://127.0.0.1:{stack.settings.elasticsearch_port}") as elasticsearch,
        OwnCollector(stack, tmp_path / "own", ELASTICSEARCH_URL=elasticsearch.url) as collector,
        stack.another_service("refused-for-a-time", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as service,
    ):
        with Load(service.url, folder=tmp_path) as load:
            load.wait(3)
            for mode in phases:
                elasticsearch.mode = mode
                load.wait(PHASE_SECONDS)
            elasticsearch.mode = "pass"
            load.wait(2)
        answers = load.answers()
        ended = time.monotonic()
        found = balance(stack, "refused-for-a-time", answers, within=90)
        row.figures |= {
            "answered": len([one for one in answers if one.ok]),
            "lost": found.lost,
            "duplicated": found.duplicated,
            "requests_answered_429": elasticsearch.refused["429"],
            "requests_answered_503": elasticsearch.refused["503"],
            "documents_refused_in_bulks": elasticsearch.refused["half"],
            "complete_after_load_s": round(time.monotonic() - ended, 1),
        }
        row.seen = (
            f"{PHASE_SECONDS:.0f} s each at {load.rate:.0f} requests/s: {row.figures['answered']} answered, {found.lost} lost, "
            f"{found.duplicated} duplicated; {elasticsearch.refused['429']} requests got 429, "
            f"{elasticsearch.refused['503']} got 503, "
            f"{elasticsearch.refused['half']} documents were refused in bulks"
        )
        assert all(elasticsearch.refused[mode] for mode in phases), "each kind of refusal was met"
        assert all(one.ok for one in answers)
        assert found.complete, found.table()


@pytest.mark.timeout(600)
def test_the_disks_flood_stage(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    """The real one: Elasticsearch itself finds that the disk is too full, and makes its indices read-only."""
    with (
        fault("Elasticsearch read-only at its disk's flood stage", must_show="retried, 0 lost, 0 duplicated") as row,
        stack.another_service("flooded") as service,
        administrator(stack) as admin,
    ):
        with Load(service.url, folder=tmp_path) as load:
            load.wait(3)
            try:
                ask_for_room(admin, MORE_THAN_ANY_DISK)
                eventually(lambda: _read_only(admin), within=40, why="Elasticsearch has made its indices read-only")
                blocked = time.monotonic()
                load.wait(10)
                assert _read_only(admin)
                refused = _count(admin)
                load.wait(3)
                assert _count(admin) == refused, "nothing is stored meanwhile"
            finally:
                ask_for_room(admin, None)
            eventually(lambda: not _read_only(admin), within=60, why="Elasticsearch takes documents again")
            released = time.monotonic()
            load.wait(2)
        answers = load.answers()
        found = balance(stack, "flooded", answers, within=90)
        row.figures |= {
            "answered": len([one for one in answers if one.ok]),
            "read_only_seconds": round(released - blocked, 1),
            "lost": found.lost,
            "duplicated": found.duplicated,
        }
        row.seen = (
            f"read-only for {released - blocked:.0f} s at {load.rate:.0f} requests/s: {row.figures['answered']} answered, "
            f"{found.lost} lost, {found.duplicated} duplicated"
        )
        assert all(one.ok for one in answers)
        assert found.complete, found.table()


def _read_only(admin: httpx.Client) -> bool:
    found: dict[str, Any] = (
        admin.get("/logs-generic.otel-default,traces-generic.otel-default/_settings/index.blocks.*").raise_for_status().json()
    )
    blocks = [one["settings"].get("index", {}).get("blocks", {}).get("read_only_allow_delete") for one in found.values()]
    return "true" in blocks


def _count(admin: httpx.Client) -> int:
    return int(admin.get("/logs-generic.otel-default/_count").raise_for_status().json()["count"])
