"""Whose attributes have a key twice in one map, or two keys that are one label to Prometheus: the Collector marks both."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vitals.backends.collector_metrics import Reading
from vitals.doctor.checks.drops import LATELY_SECONDS
from vitals.doctor.collector import read
from vitals.doctor.finding import Away, Finding, counted, lasting, listed
from vitals.doctor.running import Running

MARK = "vitals.keys_before_merge"
"""On a log record, a span, a resource or a scope: the keys of its first level as they came, or that it was in the body."""

_NAME = "keys"
_SERVICES, _EXAMPLES, _LONGEST = 20, 3, 60
_OF = ("attributes", "resource.attributes", "scope.attributes")
_SIGNALS = {"logs": "log records", "spans": "spans"}
_JOINED = f'topk by (job) ({_EXAMPLES}, {{vitals_label_names="merged"}})'
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"')

Labels = Iterable[Mapping[str, str]]


def look(running: Running) -> list[Finding]:
    """A finding for each service that sends such keys now; else one for what the Collector has counted. Raises Away."""
    reading = read(running)
    findings: list[Finding] = []
    away: Away | None = None
    try:
        if running.places & {"elasticsearch spans", "elasticsearch logs"}:
            findings += twice(running.json("elasticsearch", "/logs-*,traces-*/_search", **_search()))
    except Away as why:
        away = why
    try:
        if "prometheus" in running.places:
            findings += joined(labels for labels, _ in running.query(_JOINED))
    except Away as why:
        away = why
    if not any("service" in one.figures for one in findings):
        findings += before(reading)
    if away and not findings:
        raise away
    return findings or [Finding(_NAME, "ok", "No map of attributes had a key twice, and no two were one label.")]


def _search() -> dict[str, str]:
    lately = {"range": {"@timestamp": {"gte": f"now-{LATELY_SECONDS}s"}}}
    marked = {"bool": {"should": [{"exists": {"field": f"{of}.{MARK}"}} for of in _OF], "minimum_should_match": 1}}
    newest = {"size": _EXAMPLES, "sort": [{"@timestamp": "desc"}], "_source": list(_OF)}
    services = {
        "terms": {"field": "resource.attributes.service.name", "size": _SERVICES, "missing": "?"},
        "aggs": {"newest": {"top_hits": newest}},
    }
    query = {"size": 0, "query": {"bool": {"filter": [lately, marked]}}, "aggs": {"services": services}}
    return {"source": json.dumps(query), "source_content_type": "application/json", "ignore_unavailable": "true"}


def twice(answer: Mapping[str, Any]) -> list[Finding]:
    """A finding for each service of an answer to the search above."""
    buckets = answer.get("aggregations", {}).get("services", {}).get("buckets", [])
    return [_twice(one["key"], one["doc_count"], one["newest"]["hits"]["hits"]) for one in buckets]


def _twice(service: str, documents: int, newest: Iterable[Mapping[str, Any]]) -> Finding:
    keys = list(dict.fromkeys(key for hit in newest for key in _keys(hit["_source"])))
    which = listed(keys) or "which one is not known"
    sentence = (
        f"{_shown(service)} sends a key twice in one map: {which} ({counted(documents)} documents in the last "
        f"{lasting(LATELY_SECONDS)}). The last value is kept, the others are lost. Have it set each key once: where two "
        "libraries set the same attribute, one has to leave it out."
    )
    return Finding(_NAME, "wrong", sentence, {"service": service, "documents": documents, "keys": keys})


def _keys(source: Mapping[str, Any]) -> Iterator[str]:
    """The keys that a document had twice, or the maps in which they were, as words."""
    for of in _OF:
        found = _part(source, of)
        mark = str(found.get(MARK, ""))
        where = "" if of == "attributes" else f" of its {of.partition('.')[0]}"
        if mark.startswith("event "):
            mark, where, found = mark.removeprefix("event "), " of a span's event", {}
        keys = Counter(_KEY.findall(mark))
        if mark == "body":
            yield "in the body of a log record"
        elif any(times > 1 for times in keys.values()):
            yield from (f"{_shown(key)}{where}" for key, times in keys.items() if times > 1)
        elif keys:
            maps = listed(_shown(key) for key, value in found.items() if isinstance(value, dict | list))
            yield f"within {maps or 'a map'}{where}"


def _shown(name: str) -> str:
    """A name that a client chose: no longer than a line has room for, and nothing in it that a terminal would obey."""
    plain = "".join(one if one.isprintable() else "?" for one in name)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _part(source: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    found: Any = source
    for name in path.split("."):
        found = found.get(name, {})
    return found if isinstance(found, dict) else {}


def joined(series: Labels) -> list[Finding]:
    """A finding for each job with such labels, from the labels of some of its series."""
    by_job: dict[str, list[Mapping[str, str]]] = {}
    for labels in series:
        by_job.setdefault(labels.get("job", "?"), []).append(labels)
    return [_joined(job, ones) for job, ones in sorted(by_job.items())]


def _joined(job: str, series: list[Mapping[str, str]]) -> Finding:
    metrics = sorted({one.get("__name__", "?") for one in series})
    labels = sorted({name for one in series for name, value in one.items() if ";" in value})
    where = listed("its resource (target_info)" if name == "target_info" else name for name in metrics)
    have = "has" if len(labels) == 1 else "have"
    which = f"{listed(labels)} {have} the values of both, joined by `;`" if labels else "the label has the last value alone"
    sentence = (
        f"{_shown(job)} sends attributes whose names are one label to Prometheus, as `user.id` and `user_id` are, on {where}: "
        f"{which}. No query for one of the two is right. Rename one, or leave it out."
    )
    return Finding(_NAME, "warning", sentence, {"service": job, "metrics": metrics, "labels": labels})


def before(reading: Reading) -> list[Finding]:
    """A finding where the Collector has counted keys that came twice, of whomever: earlier, or in a store that is not asked."""
    totals = {
        words: sum(
            value
            for labels, value in reading.of(f"otelcol_processor_filter_{signal}_filtered").items()
            if ("filter", "filter/merged") in labels
        )
        for signal, words in _SIGNALS.items()
    }
    if not any(totals.values()):
        return []
    [uptime] = reading.of("otelcol_process_uptime").values()
    what = " and ".join(f"{counted(total)} {words}" for words, total in totals.items() if total)
    sentence = (
        f"{what} had a key twice in one map since the Collector started {lasting(uptime)} ago; the last value was kept. "
        f"Each has the attribute `{MARK}`: search for it to see whose they are."
    )
    return [Finding(_NAME, "warning", sentence, {"total": totals})]
