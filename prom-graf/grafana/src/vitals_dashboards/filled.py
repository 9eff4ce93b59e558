"""A dashboard's queries as Grafana sends them: variables looked up and filled in. For the tests and for the picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Chosen = Mapping[str, list[str] | str]
"""Each variable's values; a text for a variable that takes one value only, which is no regular expression then."""

LabelValues = Callable[[str, str], list[str]]
"""The values of a label among the series that match a selector."""

RATE_INTERVAL = "40s"
"""$__rate_interval as Grafana makes it for a scrape interval of 10 s, as long as a point of the graph is no longer than that."""

_BUILT_IN = {"__rate_interval": RATE_INTERVAL, "__rate_interval_ms": "40000", "__interval": "10s", "__range": "1800s"}
_USE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")
_LABEL_VALUES = re.compile(r"label_values\((.+), *(\w+)\)")
_IN_REGEX = re.compile(r"[\\^$.|?*+()\[\]{}]")
_IN_LUCENE = re.compile(r'([!*+\-=<>\s&|()\[\]{}^~?:\\/"])')


@dataclass(frozen=True)
class Target:
    """One query of a panel."""

    dashboard: str
    panel: dict[str, Any]
    query: dict[str, Any]

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return f"{self.dashboard} / {self.panel['title']} / {self.query['refId']}"

    @property
    def source(self) -> str:
        """The uid of the data source."""
        return str(self.query["datasource"]["uid"])


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, those of closed rows included."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels", []) if panel["type"] == "row" else [panel]


def targets(dashboard: Mapping[str, Any]) -> list[Target]:
    """Every query of every panel."""
    return [Target(dashboard["uid"], panel, query) for panel in panels(dashboard) for query in panel["targets"]]


def used_variables(text: str) -> set[str]:
    """The names of the variables in a query, without Grafana's own."""
    return {one or other for one, other in _USE.findall(text)} - _BUILT_IN.keys()


def values(dashboard: Mapping[str, Any], label_values: LabelValues) -> dict[str, list[str] | str]:
    """Each variable's values with "All" chosen, or the first: asked in their order, since each may use those before it."""
    chosen: dict[str, list[str] | str] = {}
    for variable in dashboard["templating"]["list"]:
        asked = _LABEL_VALUES.fullmatch(variable["query"]["query"])
        if asked is None:
            raise ValueError(f"{variable['name']} is not derived from label_values: {variable['query']}")
        found = label_values(promql(asked[1], chosen), asked[2])
        chosen[variable["name"]] = found if variable["multi"] else "".join(sorted(found)[:1])
    return chosen


def promql(text: str, chosen: Chosen) -> str:
    """With several values a variable is a regular expression in a PromQL string, each escaped for both; a single one is text."""

    def one(value: str) -> str:
        return _IN_REGEX.sub(lambda special: "\\\\" + special[0] if special[0] != "\\" else "\\\\\\\\", value)

    def several(values: list[str] | str) -> str:
        if isinstance(values, str):
            return values.replace("\\", "\\\\").replace('"', '\\"')
        return one(values[0]) if len(values) == 1 else f"({'|'.join(map(one, values))})"

    return _fill(text, {name: several(values) for name, values in chosen.items()})


def lucene(text: str, chosen: Chosen) -> str:
    """With several values a variable is a list of quoted strings with OR between."""

    def several(values: list[str] | str) -> str:
        listed = [values] if isinstance(values, str) else values
        quoted = ['"' + _IN_LUCENE.sub(r"\\\1", value) + '"' for value in listed]
        return f"({' OR '.join(quoted)})" if quoted else "__empty__"

    return _fill(text, {name: several(values) for name, values in chosen.items()})


def _fill(text: str, words: Mapping[str, str]) -> str:
    known = {**_BUILT_IN, **words}
    return _USE.sub(lambda use: known[use[1] or use[2]], text)


def elasticsearch_body(query: Mapping[str, Any], lucene_query: str, start_ms: int, end_ms: int) -> dict[str, Any]:
    """The search that Grafana's Elasticsearch data source sends for a query of logs, or of one metric over time."""
    time = query["timeField"]
    filters: list[dict[str, Any]] = [
        {"range": {time: {"format": "epoch_millis", "gte": start_ms, "lte": end_ms}}},
        {"query_string": {"analyze_wildcard": True, "query": lucene_query}},
    ]
    asked: dict[str, Any] = {"query": {"bool": {"filter": filters}}}
    [metric] = query["metrics"]
    if metric["type"] == "logs":
        return {
            **asked,
            "size": int(metric["settings"]["limit"]),
            "sort": [{time: {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}],
            "fields": [{"field": time, "format": "strict_date_optional_time_nanos"}],
            "script_fields": {},
            "highlight": {
                "pre_tags": ["@HIGHLIGHT@"],
                "post_tags": ["@/HIGHLIGHT@"],
                "fragment_size": 2147483647,
                "fields": {"*": {}},
            },
        }
    [bucket] = query["bucketAggs"]
    histogram = {
        "field": bucket["field"],
        "fixed_interval": "10s",
        "min_doc_count": int(bucket["settings"]["min_doc_count"]),
        "extended_bounds": {"min": start_ms, "max": end_ms},
        "format": "epoch_millis",
    }
    aggregation = {metric["id"]: {metric["type"]: {"field": metric["field"]}}}
    return {**asked, "size": 0, "aggs": {bucket["id"]: {"date_histogram": histogram, "aggs": aggregation}}}
