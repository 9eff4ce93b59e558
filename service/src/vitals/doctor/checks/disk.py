"""Room on the disks: for Elasticsearch's data, for the state folder, and for what the Collector's queues may still take."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitals.configuration import CONFIGURATION
from vitals.doctor.collector import read
from vitals.doctor.finding import Away, Finding, sized
from vitals.doctor.running import Running
from vitals.settings.sizes import size

_NAME = "disk"
_CONFIGURATION = CONFIGURATION / "elk" / "elasticsearch" / "elasticsearch.yml"
QUEUE_FILE = 1.6
"""A queue's file is so many times its content (docs/decisions/collector-queues.md)."""
LEAST = 200_000_000
"""Bytes without which the engines' own files can't be written."""


def look(running: Running) -> list[Finding]:
    """A finding for each disk that is short of room, or one for all. Raises Away where nothing can be measured from here."""
    findings, away = [], None
    try:
        findings += of_elasticsearch(running.json("elasticsearch", "/_nodes/stats/fs"))
    except Away as why:
        away = why
    if running.state is None:
        if away:
            raise away
        return findings
    # Elasticsearch away is no reason not to look: its data are in the state folder.
    findings += [] if not away else _by_configuration(running.state)
    findings += of_state(running.state, _room_wanted(running))
    wrong = [finding for finding in findings if finding.severity != "ok"]
    return wrong or [_together(findings)]


def _together(findings: list[Finding]) -> Finding:
    figures = {name: value for finding in findings for name, value in finding.figures.items()}
    return Finding(_NAME, "ok", " ".join(finding.sentence for finding in findings), figures)


def of_elasticsearch(stats: Mapping[str, Any]) -> list[Finding]:
    """By Elasticsearch's own view of its disks, and its own watermarks."""
    findings = []
    for node in stats["nodes"].values():
        for data in node["fs"]["data"]:
            flood, high = data.get("flood_stage_free_space_in_bytes", 0), data.get("high_watermark_free_space_in_bytes", 0)
            findings.append(_judged(data["path"], data["available_in_bytes"], flood, high))
    return findings


def _judged(path: str, free: float, flood: float, high: float) -> Finding:
    figures = {"elasticsearch_free_bytes": free, "flood_stage_bytes": flood}
    where = f"Elasticsearch's data ({path}) has {sized(free)} free"
    if free < flood:
        sentence = f"{where}, less than the flood stage of {sized(flood)}: it refuses all writes. Make room; it then continues."
        return Finding(_NAME, "wrong", sentence, figures)
    if free < high:
        sentence = (
            f"{where}: at {sized(flood)} it stops writing (flood stage). Make room, or lower LOGS_RETENTION and TRACES_RETENTION."
        )
        return Finding(_NAME, "warning", sentence, figures)
    return Finding(_NAME, "ok", f"{where}, the flood stage is {sized(flood)}.", figures)


def _by_configuration(state: Path) -> list[Finding]:
    data = state / "elasticsearch" / "data"
    if not data.is_dir():
        return []
    text = _CONFIGURATION.read_text()
    return [_judged(str(data), shutil.disk_usage(data).free, watermark(text, "flood_stage"), watermark(text, "high"))]


def watermark(configuration: str, name: str) -> int:
    """A watermark of elasticsearch.yml, in bytes; 0 where it is none of bytes."""
    found = re.search(rf"^cluster\.routing\.allocation\.disk\.watermark\.{name}: (\d+[mgt]b)$", configuration, re.MULTILINE)
    return size(found[1]) if found else 0


def _room_wanted(running: Running) -> float:
    """How much the Collector's queues may still take of the disk; 0 where it can't be asked."""
    try:
        reading = read(running)
    except (Away, ValueError):
        return 0
    sizes = reading.of("otelcol_exporter_queue_size")
    capacities = reading.of("otelcol_exporter_queue_capacity")
    return QUEUE_FILE * sum(capacity - sizes.get(labels, 0.0) for labels, capacity in capacities.items())


def of_state(state: Path, wanted: float) -> list[Finding]:
    """The state folder's disk, and that of the Collector's queue where it is another."""
    queue = state / "collector" / "queue"
    folders = {_device(folder): folder for folder in (state, queue) if folder.is_dir()}
    return [
        _of_folder(folder, shutil.disk_usage(folder).free, wanted if _device(folder) == _device(queue) else 0)
        for folder in folders.values()
    ]


def _device(folder: Path) -> int:
    return folder.stat().st_dev if folder.is_dir() else -1


def _of_folder(folder: Path, free: float, wanted: float) -> Finding:
    figures = {"free_bytes": free, "queues_may_take_bytes": wanted}
    if free < LEAST:
        sentence = (
            f"{folder} is on a disk with {sized(free)} free: engines can't write, and the Collector can't queue. Make room."
        )
        return Finding(_NAME, "wrong", sentence, figures)
    if free < wanted:
        sentence = (
            f"{folder} is on a disk with {sized(free)} free, and the Collector's queues may take {sized(wanted)} while backends "
            "are away: make room, or set a smaller QUEUE_BYTES."
        )
        return Finding(_NAME, "warning", sentence, figures)
    room = f", of which the Collector's queues may take {sized(wanted)}" if wanted else ""
    return Finding(_NAME, "ok", f"{folder} has {sized(free)} free{room}.", figures)
