"""What each store has of a trace, counted, and when the trace was."""

from __future__ import annotations

import time
from collections.abc import Sequence

from vitals.backends.backend_table import LOG_PLACES
from vitals.lookup.links import TimeRange
from vitals.lookup.records import Exemplar, TraceView

REQUEST_DURATION = "http_server_request_duration_seconds_bucket"
"""The histogram whose exemplars lead from a slow request to its trace: shown first."""


def summary(view: TraceView) -> list[tuple[str, int, str]]:
    """Each store, how many it has of this trace, and of what."""
    own = [span for span in view.elasticsearch_spans if span.trace_id == view.trace_id]
    counted = [
        ("Prometheus", len(view.exemplars), "exemplar"),
        ("Elasticsearch", len(own), "span"),
        ("Jaeger", len(view.jaeger_spans), "span"),
        ("Elasticsearch", sum(not log.on_span for log in view.elasticsearch_logs), "log record"),
    ]
    if recorded := sum(log.on_span for log in view.logs):
        counted.append(("On its spans", recorded, "exception"))
    counted += [(LOG_PLACES[place], len(logs), "log record") for place, logs in view.other_logs.items()]
    return [(store, count, kind if count == 1 else f"{kind}s") for store, count, kind in counted]


def by_importance(exemplars: Sequence[Exemplar]) -> list[Exemplar]:
    """Those of the request's duration first, the others by the name of their metric."""
    return sorted(exemplars, key=lambda one: (one.metric != REQUEST_DURATION, one.metric))


def time_range(view: TraceView) -> TimeRange:
    """From the trace's first span or log record to its last; around now where there is none."""
    starts = [span.start for span in view.spans] + [log.time for log in view.logs]
    ends = [span.start + span.duration for span in view.spans] + [log.time for log in view.logs]
    now = time.time_ns()
    return TimeRange.around(min(starts, default=now), max(ends, default=now))
