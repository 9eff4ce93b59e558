"""How full the Collector's queues are and where that leads, and exporters that send nothing while something waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitals.backends import queue_drain
from vitals.backends.backend_table import BACKENDS
from vitals.backends.collector_metrics import Reading
from vitals.configuration import runbook
from vitals.doctor.collector import read_while
from vitals.doctor.finding import Finding, counted, lasting, listed, sized
from vitals.doctor.running import Running

FULL = 0.95
"""Of its capacity: what comes in at once is more than what is left, so that some of it is refused."""
HALF = 0.5
BEHIND = 0.01
"""Less than that is what any load leaves in it from one second to the next."""
SOON_SECONDS = 4 * 3600
"""A queue that would be full before that is told of, as by the alert CollectorQueueFilling."""

_WATCHED_SECONDS = 3.0
_UNSURE_SECONDS = 9.0
_RETRIED = "otelcol_elasticsearch_docs_retried"


@dataclass(frozen=True)
class Queue:
    """One exporter's queue while it was watched: bytes at the first and the last reading, and the least between; items sent."""

    signal: str
    exporter: str
    capacity: float
    first: float
    last: float
    least: float
    sent: float
    seconds: float

    @property
    def fill(self) -> float:
        """The share of the capacity that is taken."""
        return self.last / self.capacity if self.capacity else 0.0

    @property
    def stands_still(self) -> bool:
        """Whether something waited all the time and nothing was sent; retries have no end, so no counter of failures moves."""
        return self.least > 0 and self.sent == 0

    @property
    def full_in_seconds(self) -> float:
        """How long until it is full if it goes on so; infinite where it does not grow."""
        growth = (self.last - self.first) / self.seconds if self.seconds else 0.0
        return (self.capacity - self.last) / growth if growth > 0 else float("inf")


def look(running: Running) -> list[Finding]:
    """How full each queue is, and whether each exporter sends. Raises Away when the Collector does not answer."""
    readings = read_while(
        running, lambda so_far: any(one.stands_still for one in watched(so_far)), _WATCHED_SECONDS, _UNSURE_SECONDS
    )
    leaving = exporters_of(queue_drain.read(running.state / "collector").draining) if running.state else set()
    found = watched(readings)
    set_aside = [_aside(file) for file in damaged(running.state / "collector" / "queue")] if running.state else []
    return [*fill(found), *set_aside, *sending(found, leaving), *retried(readings)]


def watched(readings: Sequence[Reading]) -> list[Queue]:
    """Every queue of the Collector over these readings."""
    first, last = readings[0], readings[-1]
    capacities = last.of("otelcol_exporter_queue_capacity")
    queues = []
    for labels, size in sorted(last.of("otelcol_exporter_queue_size").items(), key=lambda one: sorted(one[0])):
        named = dict(labels)
        exporter = named.get("exporter", "")
        sizes = [reading.of("otelcol_exporter_queue_size").get(labels, 0.0) for reading in readings]
        sent = last.total("otelcol_exporter_sent_", exporter) - first.total("otelcol_exporter_sent_", exporter)
        signal = named.get("data_type", "")
        queues.append(
            Queue(signal, exporter, capacities.get(labels, 0.0), sizes[0], size, min(sizes), sent, last.time - first.time)
        )
    return queues


def fill(queues: Collection[Queue]) -> list[Finding]:
    """A finding for each queue that is full, half full, or full soon; else one for all."""
    findings = [found for queue in queues if (found := _filled(queue))]
    if findings:
        return findings
    if not queues:
        return [Finding("queues", "ok", "No chosen backend has a queue in the Collector.")]
    fullest = max(queues, key=lambda queue: queue.fill)
    sentence = (
        f"{len(queues)} queues; the fullest, for {fullest.exporter}, has {sized(fullest.last)} of {sized(fullest.capacity)}."
    )
    return [Finding("queues", "ok", sentence, _figures(fullest))]


def _filled(queue: Queue) -> Finding | None:
    what = f"The queue of {queue.signal} for {queue.exporter}"
    holds = f"{queue.fill:.0%}, {sized(queue.last)} of {sized(queue.capacity)}"
    if queue.fill >= FULL:
        sentence = (
            f"{what} is full ({holds}): what does not fit is refused. A service of ours drops it for this backend, "
            "and counts it; another sender repeats it until it gives up. "
            "Bring the backend back or give it what it lacks; the queue then drains by itself. "
            f"Runbook: {runbook('CollectorQueueFilling')}"
        )
        return Finding("queues", "wrong", sentence, _figures(queue))
    way = f"full in {lasting(queue.full_in_seconds)} at this rate" if queue.last > queue.first else "not growing now"
    if queue.fill >= HALF or (queue.fill >= BEHIND and queue.full_in_seconds < SOON_SECONDS):
        sentence = f"{what} fills ({holds}; {way}): nothing is lost until it is full. Runbook: {runbook('CollectorQueueFilling')}"
        return Finding("queues", "warning", sentence, _figures(queue))
    return None


def sending(queues: Collection[Queue], leaving: Collection[str] = ()) -> list[Finding]:
    """A finding for each exporter that stands still; one of a backend that is no longer chosen (`leaving`) is a warning."""
    still = [queue for queue in queues if queue.stands_still]
    if not still:
        sent = sum(queue.sent for queue in queues)
        seconds = max((queue.seconds for queue in queues), default=0)
        every = listed(dict.fromkeys(queue.exporter for queue in queues))
        sentence = f"{every}: each sends what comes in; {counted(sent)} items sent in {seconds:.0f} s."
        return [Finding("exporters", "ok", sentence, {"sent": sent, "seconds": round(seconds, 1)})]
    return [_standing(queue, queue.exporter in leaving) for queue in still]


def _standing(queue: Queue, leaving: bool) -> Finding:
    waits = f"{sized(queue.last)} of {queue.signal} wait and nothing was sent in {queue.seconds:.0f} s"
    if leaving:
        sentence = f"{queue.exporter}, no longer chosen, takes nothing: {waits}. They stay on disk, and are sent once it answers."
        return Finding("exporters", "warning", sentence, _figures(queue))
    left = "" if queue.full_in_seconds == float("inf") else f" (in {lasting(queue.full_in_seconds)}, at this rate)"
    sentence = (
        f"{queue.exporter} takes nothing: {waits}. The backend is away, hangs, or refuses them: correct that; the Collector "
        f"keeps trying. Nothing is lost until the queue is full{left}. Runbook: {runbook('CollectorExportFailing')}"
    )
    return Finding("exporters", "wrong", sentence, _figures(queue))


def retried(readings: Sequence[Reading]) -> list[Finding]:
    """A finding where Elasticsearch refused documents while it was watched, which are tried again."""
    more = sum(readings[-1].of(_RETRIED).values()) - sum(readings[0].of(_RETRIED).values())
    if more <= 0:
        return []
    sentence = (
        f"Elasticsearch refused documents {counted(more)} times in {readings[-1].time - readings[0].time:.0f} s, for now: the "
        "Collector repeats them. Usual reasons: the disk's flood stage, templates that are missing, too much at once."
    )
    return [Finding("exporters", "warning", sentence, {"retried": more})]


def damaged(folder: Path) -> list[Path]:
    """The queues that the Collector could not read when it started, and set aside."""
    return sorted(folder.glob("*.backup*")) if folder.is_dir() else []


def _aside(file: Path) -> Finding:
    sentence = (
        f"{file}: a damaged queue, set aside when the Collector started. What was in it is not sent; delete it once you know why."
    )
    return Finding("queues", "warning", sentence, {"bytes": file.stat().st_size})


def exporters_of(pipelines: Collection[str]) -> set[str]:
    """The exporters with a queue of these pipelines, as in `logs/loki`."""
    return {
        backend.queue
        for signal, of_signal in BACKENDS.items()
        for name, backend in of_signal.items()
        if f"{signal}/{name}" in pipelines and backend.queue
    }


def _figures(queue: Queue) -> dict[str, float | str]:
    return {
        "exporter": queue.exporter,
        "signal": queue.signal,
        "bytes": queue.last,
        "capacity": queue.capacity,
        "fill": round(queue.fill, 4),
        "grown": queue.last - queue.first,
        "sent": queue.sent,
        "seconds": round(queue.seconds, 1),
    }
