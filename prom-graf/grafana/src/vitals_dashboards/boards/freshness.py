"""The row «Freshness» of the dashboard «Pipeline»: what the canary found, against what is promised."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.panels.panel_kinds import query, timeseries
from vitals_dashboards.panels.queries import counted, or_zero

ELASTICSEARCH_SECONDS, PROMETHEUS_SECONDS = 2.0, 3.0
"""Promised at p99, from an answer to what it left being searchable."""

_OVER = "5m"
_NONE = "No canary: CANARY_INTERVAL is 0s, or no store of the chosen backends is read"


def freshness() -> list[Any]:
    """How late the stores are, and what never came."""
    return [
        timeseries(
            "From the answer to searchable",
            "s",
            "A request of the stack's own every CANARY_INTERVAL, looked for in each store until it is there: the last five "
            "minutes. Orange dashes: 2 s, promised at P99 for Elasticsearch; red: 3 s, for Prometheus. One store above: see its "
            "queue below, then its own log. All of them: the Collector, or the service's own queue.",
            query(_quantile(0.5), "{{store}}: P50"),
            query(_quantile(0.99), "{{store}}: P99"),
            width=16,
            promised=(ELASTICSEARCH_SECONDS, PROMETHEUS_SECONDS),
            none=_NONE,
        ),
        timeseries(
            "Canaries that did not arrive",
            "none",
            "In the last five minutes; should be 0. Lost: not in the store within a minute; queued, it may still come, so see "
            "«Queue fill». Skipped: six were under way to it already. No answer: the service did not take it. The canary's log "
            "says why.",
            query(_count("vitals_canary_lost_total", by="store"), "{{store}}: lost"),
            query(_count("vitals_canary_skipped_total", by="store"), "{{store}}: skipped"),
            query(or_zero(_count("vitals_canary_sent_total", 'error_type!=""'), _count("vitals_canary_sent_total")), "no answer"),
            none=_NONE,
        ),
    ]


def _quantile(of: float) -> str:
    return f"histogram_quantile({of}, sum by (le, store) (rate(vitals_freshness_seconds_bucket[{_OVER}])))"


def _count(metric: str, labels: str = "", by: str = "") -> str:
    return counted(metric, labels, by, over=_OVER, each="10s")
