"""What the Collector has counted as dropped or refused: lately, and since it started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vitals.backends.collector_metrics import Labels, summed
from vitals.configuration import runbook
from vitals.doctor.collector import read
from vitals.doctor.finding import Away, Finding, counted, lasting
from vitals.doctor.running import Running

LATELY_SECONDS = 300
"""What was lost in that time is wrong now; what was lost before is told as a warning."""

_NAME = "drops"
_FILTERED = "otelcol_processor_filter_datapoints_filtered"
_BOUNDS = re.compile(r"filter/(bounds|prometheus.*)")
"""Filters that drop what Prometheus would refuse, or what is too much; others are a signal without a backend."""
_UPTIME = "otelcol_process_uptime"
_DOCUMENTS = "otelcol_elasticsearch_docs_processed"
_RUNBOOK = runbook("TelemetryDropped")
_SIGNALS = {"spans": "spans", "metric_points": "metric points", "log_records": "log records"}
_ASKED = (
    '{job="collector", __name__=~"otelcol_exporter_(send|enqueue)_failed_.+|otelcol_receiver_refused_.+'
    '|otelcol.elasticsearch.docs.processed.*|otelcol_processor_filter_datapoints_filtered.*|otelcol_process_uptime.*"}'
)

Values = Mapping[tuple[str, Labels], float]


@dataclass(frozen=True)
class Drop:
    """One counter of drops: its metric and labels, its value, and how much of it is of late (None: not known)."""

    name: str
    labels: Mapping[str, str]
    total: float
    lately: float | None


def look(running: Running) -> list[Finding]:
    """A finding for each counter of drops that is not 0. Raises Away when the Collector does not answer."""
    now = read(running)
    [uptime] = now.of(_UPTIME).values()
    return told(dropped(now.values, _before(running), uptime), uptime)


def _before(running: Running) -> Values | None:
    """The same counters as Prometheus had them; None where it does not answer."""
    try:
        return summed(running.query(_ASKED, LATELY_SECONDS))
    except Away:
        return None


def dropped(now: Values, before: Values | None, uptime: float) -> list[Drop]:
    """The counters of drops that are not 0. A Collector that started since then counted everything of late."""
    young = uptime < LATELY_SECONDS
    known = before is not None and any(name == _UPTIME for name, _ in before)
    drops = []
    for (name, labels), value in sorted(now.items(), key=lambda one: (one[0][0], sorted(one[0][1]))):
        if value == 0 or not _is_drop(name, dict(labels)):
            continue
        then = before.get((name, labels), 0.0) if before is not None and not young else 0.0
        lately = max(0.0, value - then) if young or known else None
        drops.append(Drop(name, dict(labels), value, lately))
    return drops


def _is_drop(name: str, labels: Mapping[str, str]) -> bool:
    if name == _DOCUMENTS:
        # One by one they carry the reason; a whole request that failed is repeated. A conflict is a repetition of what is stored.
        return "error_type" in labels and labels.get("http_response_status_code") != "409"
    if name == _FILTERED:
        return bool(_BOUNDS.fullmatch(labels.get("filter", "")))
    return name.startswith(("otelcol_exporter_send_failed_", "otelcol_exporter_enqueue_failed_", "otelcol_receiver_refused_"))


def told(drops: list[Drop], uptime: float) -> list[Finding]:
    """The findings; one that all is well where nothing was dropped."""
    if not drops:
        return [Finding(_NAME, "ok", f"The Collector has dropped and refused nothing since it started {lasting(uptime)} ago.")]
    earlier = [drop for drop in drops if drop.lately == 0]
    findings = [_told(drop, uptime) for drop in drops if drop.lately != 0]
    if earlier:
        since = f"Since the Collector started {lasting(uptime)} ago, and none of it in the last {lasting(LATELY_SECONDS)}"
        sentence = f"{since}: {'; '.join(_what(drop) for drop in earlier)}. Runbook: {_RUNBOOK}"
        findings.append(Finding(_NAME, "warning", sentence, {"earlier": [_figures(drop) for drop in earlier]}))
    return findings


def _told(drop: Drop, uptime: float) -> Finding:
    since = f"since the Collector started {lasting(uptime)} ago"
    if drop.lately is None:
        when = f"{since}; how much of it lately is not known, as Prometheus can't be asked"
    else:
        when = since if uptime < LATELY_SECONDS else f"{since}, {counted(drop.lately)} in the last {lasting(LATELY_SECONDS)}"
    sentence = f"{_what(drop)}, {when}. {_consequence(drop)} Runbook: {_RUNBOOK}"
    return Finding(_NAME, "warning" if drop.lately is None else "wrong", sentence, _figures(drop))


def _figures(drop: Drop) -> dict[str, float | str | None]:
    return {"metric": drop.name, **drop.labels, "total": drop.total, "lately": drop.lately}


def _what(drop: Drop) -> str:
    number, where = counted(drop.total), drop.labels.get("exporter") or drop.labels.get("receiver", "?")
    if drop.name == _DOCUMENTS:
        answer = f"{drop.labels.get('http_response_status_code', '?')} {drop.labels['error_type']}"
        return f"{number} documents refused for good by Elasticsearch ({answer})"
    if drop.name == _FILTERED:
        return f"{number} metric points dropped by {drop.labels['filter']}"
    items = next((words for suffix, words in _SIGNALS.items() if drop.name.endswith(suffix)), "items")
    if "send_failed" in drop.name:
        return f"{number} {items} refused for good by {where}"
    if "enqueue_failed" in drop.name:
        return f"{number} {items} that did not fit into the queue for {where}"
    return f"{number} {items} refused by the Collector at {where}"


def _consequence(drop: Drop) -> str:
    if drop.name == _DOCUMENTS or "send_failed" in drop.name:
        return "They are lost; the reason is in the Collector's log."
    if drop.name == _FILTERED:
        return "They are lost: a clock that is wrong, too many series of one instrument, or what no Prometheus stores."
    if "enqueue_failed" in drop.name:
        dropped = (
            "The other backends have them. A service of ours has dropped them; another sender repeats them until it gives up."
        )
        return f"{dropped} Bring the backend back, or give it what it lacks."
    repeated = "Senders repeat them, so that one may count several times, until they give up."
    return f"{repeated} A queue is full, or the Collector is short of memory."
