"""What two runs of tests/unit/parity_requests.py have to agree on: everything but ids, which are named by what they belong to."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

Message = dict[str, Any]


def spans_of(sent: Message) -> list[Message]:
    """Each with its scope, in an order of their own, ids named by place."""
    found = _all_spans(sent)
    names = _names(found)
    return sorted((_plain(span, names) for span in found), key=repr)


def logs_of(sent: Message) -> list[Message]:
    """Each with its scope, likewise."""
    found = [
        {**log, "scope": scope["scope"], "resource": _attributes(resource["resource"])}
        for message in sent["logs"]
        for resource in message["resourceLogs"]
        for scope in resource["scopeLogs"]
        for log in scope["logRecords"]
    ]
    return sorted(({**log, "attributes": _attributes(log), "traceId": "", "spanId": ""} for log in found), key=repr)


def points_of(sent: Message, prefixes: tuple[str, ...]) -> dict[Any, Message]:
    """The last point of each series of the metrics whose names begin so, without the times that an exporter chooses."""
    found: dict[Any, Message] = {}
    names = _names(_all_spans(sent))
    for message in sent["metrics"]:
        for resource in message["resourceMetrics"]:
            for scope in resource["scopeMetrics"]:
                for metric in scope["metrics"]:
                    if metric["name"].startswith(prefixes):
                        _take(metric, scope["scope"]["name"], found, names)
    return found


def _all_spans(sent: Message) -> list[Message]:
    return [
        {**span, "scope": [scope["scope"], scope.get("schemaUrl", "")], "resource": _attributes(resource["resource"])}
        for message in sent["traces"]
        for resource in message["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def _take(metric: Message, scope: str, found: dict[Any, Message], names: dict[str, str]) -> None:
    [data] = [metric[kind] for kind in ("sum", "gauge", "histogram") if kind in metric]
    for point in data["dataPoints"]:
        key = (scope, metric["name"], metric.get("unit", ""), metric.get("description", ""), repr(_attributes(point)))
        exemplars = point.get("exemplars", []) if "histogram" in metric else []
        seen = sorted(
            (one.get("asDouble", one.get("asInt")), one["timeUnixNano"], names.get(one["spanId"], one["spanId"]))
            for one in exemplars
        )
        kept = {name: value for name, value in point.items() if name not in ("exemplars", "timeUnixNano", "startTimeUnixNano")}
        found[key] = {
            **kept,
            "attributes": _attributes(point),
            "exemplars": seen,
            "of": {k: v for k, v in data.items() if k != "dataPoints"},
        }


def _names(spans: list[Message]) -> dict[str, str]:
    """For each id a name: of a trace its spans', of a span its own with its times."""
    names: dict[str, str] = {}
    by_trace = defaultdict(list)
    for span in spans:
        names[span["spanId"]] = f"{span['name']} {span['startTimeUnixNano']} {span['endTimeUnixNano']}"
        by_trace[span["traceId"]].append(names[span["spanId"]])
    return names | {trace: "trace of " + ", ".join(sorted(own)) for trace, own in by_trace.items()}


def _plain(span: Message, names: dict[str, str]) -> Message:
    links = [
        {**link, "traceId": names.get(link["traceId"], link["traceId"]), "spanId": names.get(link["spanId"], link["spanId"])}
        for link in span.get("links", [])
    ]
    return {
        **span,
        "attributes": _attributes(span),
        "traceId": names[span["traceId"]],
        "spanId": names[span["spanId"]],
        "parentSpanId": names.get(span.get("parentSpanId", ""), span.get("parentSpanId", "")),
        "links": links,
        "status": span.get("status", {}),
        "events": [
            {**event, "attributes": {k: v for k, v in _attributes(event).items() if k != "exception.stacktrace"}}
            for event in span.get("events", [])
        ],
    }


def _attributes(of: Message) -> Message:
    """By key; ids of predictions are new in each run, and so is what is made of them."""
    found = {one["key"]: "" if one["key"] in _OF_ONE_RUN else one.get("value") for one in of.get("attributes", [])}
    return dict(sorted(found.items()))


_OF_ONE_RUN = ("ml.prediction.id", "log.record.uid", "service.instance.id")
