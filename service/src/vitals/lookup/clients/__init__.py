"""Asking the stores about one trace: a module for each store, and the clients of all of them here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx2 as httpx

from vitals.backends import backend_table
from vitals.backends.backend_table import Place
from vitals.host.addresses import address
from vitals.host.secrets import Secrets
from vitals.lookup.clients import elasticsearch, jaeger, loki, prometheus, victorialogs
from vitals.lookup.records import Exemplar, Log, Span
from vitals.settings.stack import StackSettings

READER = "reader"
MOST = elasticsearch.MOST

_TIMEOUT_SECONDS = 10.0


class Stores:
    """HTTP clients of the stores, with the reader's rights only, past any proxy.

    Raises httpx.HTTPError where a store does not answer, ValueError or LookupError where something else answers in its place.
    """

    def __init__(self, settings: StackSettings) -> None:
        self.places = tuple(backend_table.places(settings))
        self.unused = backend_table.unused_places(settings)
        password = Secrets(settings.vitals_state_dir / "secrets").password("reader")
        self.elasticsearch = _client(address("ELASTICSEARCH_URL", settings.elasticsearch_port), (READER, password))
        self.prometheus = _client(address("PROMETHEUS_URL", settings.prometheus_port))
        self.jaeger = _client(address("JAEGER_URL", settings.jaeger_port))
        self.loki = _client(settings.loki_url)
        self.victorialogs = _client(settings.victorialogs_url or address("VICTORIALOGS_URL", settings.victorialogs_port))

    def close(self) -> None:
        """Close the connections."""
        for client in (self.elasticsearch, self.prometheus, self.jaeger, self.loki, self.victorialogs):
            client.close()

    def questions(self) -> Mapping[Place, Callable[[str], list[Any]]]:
        """What to ask each place that is in use about a trace."""
        every: dict[Place, Callable[[str], list[Any]]] = {
            "prometheus": self.exemplars,
            "elasticsearch spans": self.elasticsearch_spans,
            "jaeger": self.jaeger_spans,
            "elasticsearch logs": self.elasticsearch_logs,
            "loki": self.loki_logs,
            "victorialogs": self.victorialogs_logs,
        }
        return {place: every[place] for place in self.places if place not in self.unused}

    def search(self, index: str, query: dict[str, Any], *, size: int = MOST) -> list[dict[str, Any]]:
        """The `_source` of the documents in `index` that match, oldest first."""
        return elasticsearch.search(self.elasticsearch, index, query, size=size)

    def elasticsearch_spans(self, trace_id: str) -> list[Span]:
        """The trace's spans, and the spans of other traces that link to it (the batch that served it), oldest first."""
        return elasticsearch.spans(self.elasticsearch, trace_id)

    def elasticsearch_logs(self, trace_id: str) -> list[Log]:
        """The trace's log records, oldest first."""
        return elasticsearch.logs(self.elasticsearch, trace_id)

    def loki_logs(self, trace_id: str) -> list[Log]:
        """The trace's log records in Loki, oldest first."""
        return loki.logs(self.loki, trace_id)

    def victorialogs_logs(self, trace_id: str) -> list[Log]:
        """The trace's log records in VictoriaLogs, oldest first."""
        return victorialogs.logs(self.victorialogs, trace_id)

    def jaeger_spans(self, trace_id: str) -> list[Span]:
        """The trace's spans in Jaeger, oldest first."""
        return jaeger.spans(self.jaeger, trace_id)

    def exemplars(self, trace_id: str) -> list[Exemplar]:
        """The exemplars of the last six hours that name the trace."""
        return [exemplar for exemplar in self.all_exemplars() if exemplar.trace_id == trace_id]

    def answered(self, route: str, instance: str | None) -> int:
        """How many requests to a route a process has answered with 200, as Prometheus knows it."""
        return prometheus.answered(self.prometheus, route, instance)

    def all_exemplars(self) -> list[Exemplar]:
        """The exemplars of the last six hours, of every histogram."""
        return prometheus.exemplars(self.prometheus)


def _client(base_url: str, auth: tuple[str, str] | None = None) -> httpx.Client:
    return httpx.Client(base_url=base_url, auth=auth, timeout=_TIMEOUT_SECONDS, trust_env=False)
