"""One trace as a JSON document, for programs."""

from __future__ import annotations

import dataclasses
from typing import Any

from vitals.lookup.links import Link
from vitals.lookup.records import TraceView
from vitals.lookup.remarks import remark
from vitals.lookup.trace_lookup import reason


def as_document(view: TraceView, links: list[Link]) -> dict[str, Any]:
    """The view as JSON: times in nanoseconds since the epoch, durations in nanoseconds."""
    return {
        "trace_id": view.trace_id,
        "found": view.found,
        "prometheus": {"exemplars": [dataclasses.asdict(one) for one in view.exemplars]},
        "elasticsearch": {
            "spans": [dataclasses.asdict(one) for one in view.elasticsearch_spans],
            "logs": [dataclasses.asdict(one) for one in view.elasticsearch_logs],
        },
        "jaeger": {"spans": [dataclasses.asdict(one) for one in view.jaeger_spans]},
        **{place: {"logs": [dataclasses.asdict(one) for one in logs]} for place, logs in view.other_logs.items()},
        "exceptions": [{"time": log.time, "told": told} for log in view.logs if (told := remark(view, log))],
        "missing": [{"place": place, "reason": reason(view, place), "used": place not in view.unused} for place in view.missing],
        "links": {link.name: link.url for link in links},
    }
