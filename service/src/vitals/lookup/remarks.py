"""What is said of an exception in words: what it was, and whether the answer had been sent by then."""

from __future__ import annotations

from vitals.lookup.records import Log, Span, TraceView

_BACKGROUND = "starlette/background.py"
"""In the stack of what a background task raised."""

_BACKGROUND_SPAN = "BackgroundTask "


def remark(view: TraceView, log: Log) -> str:
    """One line on an exception in its request, such as \"exception in a background task, after the answer: ValueError: no\"."""
    if log.exception is None:
        return ""
    what = "exception"
    spans = {span.span_id: span for span in view.spans}
    above = _above(spans, log.span_id)
    if _BACKGROUND in log.stack.replace("\\", "/") or any(span.name.startswith(_BACKGROUND_SPAN) for span in above):
        what += " in a background task"
    servers = [span for span in above if span.kind == "SERVER"]
    if not above:
        servers = [span for span in view.spans if span.kind == "SERVER" and span.service == log.service]
    if servers and log.time > max(span.start + span.duration for span in servers):
        what += ", after the answer" if " " in what else " after the answer"
    kind, message = log.exception
    told = ": ".join(part for part in (kind, message) if part)
    return f"{what}: {told}" if told and told not in log.body else what


def _above(spans: dict[str, Span], span_id: str | None) -> list[Span]:
    """The span, and those that it is in, up to the request's own."""
    found: list[Span] = []
    while span_id in spans and spans[span_id] not in found:
        found.append(spans[span_id])
        span_id = found[-1].parent_span_id
    return found
