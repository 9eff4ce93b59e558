"""One trace as one self-contained HTML page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from vitals.lookup.links import Link
from vitals.lookup.records import TraceView
from vitals.lookup.remarks import remark
from vitals.lookup.trace_lookup import reason
from vitals.trace_view.span_tree import tree
from vitals.trace_view.summary import summary


def page(view: TraceView, links: list[Link]) -> str:
    """The page's text. Everything from the stores is escaped; nothing is loaded from elsewhere, and no script runs."""
    templates = Environment(
        loader=PackageLoader("vitals.trace_view"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    start = min((span.start for span in view.spans), default=view.logs[0].time if view.logs else 0)
    end = max((span.start + span.duration for span in view.spans), default=start)
    whole = max(end - start, 1)
    return templates.get_template("trace.html.j2").render(
        view=view,
        began=datetime.fromtimestamp(start / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC",
        whole_ms=whole / 1e6,
        services=sorted({span.service for span in view.spans}),
        stores=summary(view),
        rows=[_row(view, depth, span, start, whole) for depth, span in tree(view.spans)],
        logs=[
            {"record": log, "after_ms": (log.time - start) / 1e6, "stack": log.stack, "remark": remark(view, log)}
            for log in view.logs
        ],
        absences=[(place, reason(view, place)) for place in view.missing],
        links=links,
    )


def _row(view: TraceView, depth: int, span: Any, start: int, whole: int) -> dict[str, Any]:
    return {
        "span": span,
        "depth": depth,
        "linked": span.trace_id != view.trace_id,
        "start_ms": (span.start - start) / 1e6,
        "took_ms": span.duration / 1e6,
        "left": round((span.start - start) / whole * 100, 3),
        "width": round(span.duration / whole * 100, 3),
    }
