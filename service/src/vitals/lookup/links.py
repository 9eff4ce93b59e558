"""Addresses in Grafana and Kibana: each leads from one trace to one screen, with the time range around it.

Grafana's Explore keeps its state as JSON in the parameter `panes` (schemaVersion 1); Kibana keeps its in the fragment, as rison:
`_g` for the time range, `_a` for the query.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from vitals.backends.backend_table import LOG_PLACES
from vitals.settings.stack import StackSettings

_MARGIN_MS = 5 * 60 * 1000
"""Shown before and after the trace: a dashboard's rates need minutes."""

GRAFANA_DATA_SOURCES = {
    "prometheus": "prometheus",
    "jaeger": "jaeger",
    "elasticsearch-logs": "elasticsearch",
    "elasticsearch-traces": "elasticsearch",
    "loki": "loki",
    "victorialogs": "victoriametrics-logs-datasource",
}
"""Each data source's uid and its type, as prom-graf/grafana provisions them; the last two come with their overlays."""


_LOG_QUERIES = {
    "loki": '{{service_name=~".+"}} | trace_id="{}"',
    "victorialogs": 'trace_id:="{}"',
}
"""How backends of logs that have a data source of their own are asked for a trace, by its uid."""


@dataclass(frozen=True, slots=True)
class Link:
    """One address and what is seen there."""

    name: str
    url: str
    shows: str


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Milliseconds since the epoch."""

    start: int
    end: int

    @classmethod
    def around(cls, start_ns: int, end_ns: int) -> TimeRange:
        """The minutes around a trace whose times are in nanoseconds since the epoch."""
        return cls(start_ns // 1_000_000 - _MARGIN_MS, end_ns // 1_000_000 + _MARGIN_MS)


class Links:
    """The addresses of one stack's Grafana and Kibana."""

    def __init__(self, settings: StackSettings) -> None:
        self.grafana = f"http://127.0.0.1:{settings.grafana_port}"
        self.kibana = f"http://127.0.0.1:{settings.kibana_port}"
        self.logs_backend = settings.logs_backend
        self.logs_from = next((name for place, name in LOG_PLACES.items() if place == self.logs_backend), "Elasticsearch")

    def of_trace(self, trace_id: str, when: TimeRange) -> list[Link]:
        """The screens that tell one trace's story, in the order of the walk."""
        return [
            Link("dashboard", self.dashboard("vitals-service", when), "the service around that time, in Grafana"),
            Link("trace", self.trace_in_grafana(trace_id, when), "the waterfall, in Grafana from Jaeger"),
            Link(
                "logs",
                self.logs_in_grafana(trace_id, when),
                f"its logs, in Grafana from {self.logs_from}",
            ),
            Link("story", self.logs_in_kibana(trace_id, when), "its logs, in Kibana"),
            Link("spans", self.spans_in_kibana(trace_id, when), "its spans, in Kibana"),
        ]

    def dashboard(self, uid: str, when: TimeRange) -> str:
        """A dashboard, by its uid."""
        return f"{self.grafana}/d/{uid}?{urlencode({'from': when.start, 'to': when.end})}"

    def trace_in_grafana(self, trace_id: str, when: TimeRange) -> str:
        """The trace in Explore, from Jaeger."""
        return self._explore("jaeger", {"query": trace_id}, when)

    def logs_in_grafana(self, trace_id: str, when: TimeRange) -> str:
        """The trace's logs in Explore, from Elasticsearch, or from the other store where that alone gets them."""
        if query := _LOG_QUERIES.get(self.logs_backend):
            return self._explore(self.logs_backend, {"expr": query.format(trace_id)}, when)
        logs = {"query": f"trace_id:{trace_id}", "metrics": [{"id": "1", "type": "logs"}], "timeField": "@timestamp"}
        return self._explore("elasticsearch-logs", logs, when)

    def logs_in_kibana(self, trace_id: str, when: TimeRange) -> str:
        """The trace's logs in Discover."""
        return self._discover("vitals-logs", f'trace_id : "{trace_id}"', when)

    def spans_in_kibana(self, trace_id: str, when: TimeRange) -> str:
        """The trace's spans in Discover, and those that link to it."""
        return self._discover("vitals-traces", f'trace_id : "{trace_id}" or links.trace_id : "{trace_id}"', when)

    def _explore(self, uid: str, query: dict[str, Any], when: TimeRange) -> str:
        source = {"type": GRAFANA_DATA_SOURCES[uid], "uid": uid}
        pane = {
            "datasource": uid,
            "queries": [{"refId": "A", "datasource": source, **query}],
            "range": {"from": str(when.start), "to": str(when.end)},
        }
        panes = json.dumps({"vitals": pane}, separators=(",", ":"))
        return f"{self.grafana}/explore?{urlencode({'schemaVersion': 1, 'panes': panes, 'orgId': 1})}"

    def _discover(self, data_view: str, kql: str, when: TimeRange) -> str:
        state = {
            "dataSource": {"dataViewId": data_view, "type": "dataView"},
            "query": {"language": "kuery", "query": kql},
            "sort": [["@timestamp", "asc"]],
        }
        time = {"time": {"from": _iso(when.start), "to": _iso(when.end)}}
        return (
            f"{self.kibana}/app/discover#/?_g={quote(rison(time), safe=_RISON_SAFE)}&_a={quote(rison(state), safe=_RISON_SAFE)}"
        )


_RISON_SAFE = "!'()*,:$@/"


def rison(value: Any) -> str:
    """`value` (of dicts with plain keys, lists, strings, numbers, booleans, None) as rison, Kibana's notation in addresses."""
    if value is None or isinstance(value, bool):
        return {None: "!n", True: "!t", False: "!f"}[value]
    if isinstance(value, dict):
        return "(" + ",".join(f"{key}:{rison(one)}" for key, one in value.items()) + ")"
    if isinstance(value, list):
        return "!(" + ",".join(rison(one) for one in value) + ")"
    if isinstance(value, str):
        return "'" + value.replace("!", "!!").replace("'", "!'") + "'"
    return str(value)


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
