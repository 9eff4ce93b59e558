"""What services have dropped before the Collector had it, by job and reason, as they count it themselves."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from vitals.configuration import runbook
from vitals.doctor.checks.drops import LATELY_SECONDS
from vitals.doctor.finding import Elsewhere, Finding, counted, lasting
from vitals.doctor.running import Running

_NAME = "services"
_ASKED = '{__name__=~"otel_sdk_exporter_.+_exported_total|otel_sdk_processor_.+_processed_total", error_type!=""}'
_SENT = 'group by (job) ({__name__=~"otel_sdk_exporter_.+_exported_total"})'
_METRIC = re.compile(r"otel_sdk_(?P<part>exporter|processor)_(?P<item>.+)_(exported|processed)_total")

_BACKEND = "backend_queue_full"
REASONS: dict[str, str] = {
    "queue_full": "its own buffer was full: the Collector is away, or slower than what comes in",
    _BACKEND: "a backend's queue in the Collector is full; the others have them",
    "shutdown": "it ended before they were sent",
    "already_shutdown": "it had ended already",
}
"""What the values of `error.type` mean that are no answer of the Collector's."""

Series = Iterable[tuple[Mapping[str, str], float]]


def look(running: Running) -> list[Finding]:
    """A finding for each job, kind and reason. Raises Away without Prometheus, Elsewhere where services' metrics go past it."""
    if "prometheus" not in running.places:
        backend = running.settings.metrics_backend
        raise Elsewhere(f"METRICS_BACKEND is {backend}: what services count of themselves is not in Prometheus.")
    jobs = sorted(labels.get("job", "?") for labels, _ in running.query(_SENT))
    return told(running.query(_ASKED), running.query(_ASKED, LATELY_SECONDS), jobs)


def told(now: Series, before: Series, jobs: list[str]) -> list[Finding]:
    """From the counters of now and of some minutes ago, each with an instance's labels."""
    then = {frozenset(labels.items()): value for labels, value in before}
    totals: dict[tuple[str, str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for labels, value in now:
        found = _METRIC.fullmatch(labels["__name__"])
        if found is None or value == 0:
            continue
        sums = totals[labels.get("job", "?"), found["part"], found["item"], labels["error_type"]]
        sums[0] += value
        sums[1] += max(0.0, value - then.get(frozenset(labels.items()), 0.0))
    if totals:
        return [_told(*key, *sums) for key, sums in sorted(totals.items())]
    if not jobs:
        return [
            Finding(
                _NAME, "warning", "No service has sent metrics in the last minutes: is one running that sends to this Collector?"
            )
        ]
    return [Finding(_NAME, "ok", f"Nothing was dropped by {', '.join(jobs)}.", {"jobs": jobs})]


def _told(job: str, part: str, item: str, reason: str, total: float, lately: float) -> Finding:
    when = (
        f"{counted(lately)} of them in the last {lasting(LATELY_SECONDS)}"
        if lately
        else f"none of them in the last {lasting(LATELY_SECONDS)}"
    )
    answered = f"the Collector did not take them ({reason})" if part == "exporter" else reason
    why = REASONS.get(reason, answered)
    lost = "" if reason == _BACKEND else ". They are lost"
    items = f"{item.replace('_', ' ')}s"
    sentence = f"{job} dropped {counted(total)} {items}, {when}: {why}{lost}. Runbook: {runbook('TelemetryDropped')}"
    figures = {"job": job, "metric": f"otel.sdk.{part}.{item}", "error_type": reason, "total": total, "lately": lately}
    return Finding(_NAME, "wrong" if lately else "warning", sentence, figures)
