"""One trace drawn for a terminal: the span tree as a waterfall, the logs in time order, the exemplars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from vitals.stack.follow import reason
from vitals.stack.records import Exemplar, Log, Span, TraceView

_BAR_WIDTH = 32
_SHOWN_EXEMPLARS = 5


def draw(view: TraceView) -> RenderableType:
    """Everything that the stores have of the trace, and a line for each store that has nothing."""
    parts: list[RenderableType] = [Text.from_markup(f"[bold]Trace {view.trace_id}[/]")]
    if view.exemplars:
        parts += [_heading("Exemplars in Prometheus"), _exemplars(view.exemplars)]
    if view.spans:
        parts += [_heading(_span_heading(view)), _spans(view.trace_id, view.spans)]
    if view.logs:
        start = view.spans[0].start if view.spans else view.logs[0].time
        parts += [_heading(f"Logs in Elasticsearch ({len(view.logs)})"), _logs(view.logs, start)]
    parts += _absences(view)
    return Group(*parts)


def _heading(text: str) -> Text:
    return Text.from_markup(f"\n[bold cyan]{text}[/]")


def _span_heading(view: TraceView) -> str:
    own = [span for span in view.elasticsearch_spans if span.trace_id == view.trace_id]
    return f"Spans: {len(own)} in Elasticsearch, {len(view.jaeger_spans)} in Jaeger"


def _exemplars(exemplars: Sequence[Exemplar]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for exemplar in exemplars[:_SHOWN_EXEMPLARS]:
        labels = ", ".join(
            f'{name}="{value}"'
            for name, value in sorted(exemplar.labels.items())
            if name in ("http_route", "http_response_status_code", "le", "span_name", "ml_model_name")
        )
        table.add_row(_clock(exemplar.time), escape(f"{exemplar.metric}{{{labels}}}"), f"{exemplar.value:.6g}")
    if len(exemplars) > _SHOWN_EXEMPLARS:
        table.add_row("", f"… and {len(exemplars) - _SHOWN_EXEMPLARS} more", "")
    return table


def _spans(trace_id: str, spans: Sequence[Span]) -> Table:
    start = min(span.start for span in spans)
    end = max(span.start + span.duration for span in spans)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("span")
    table.add_column("service")
    table.add_column("start", justify="right")
    table.add_column("took", justify="right")
    table.add_column("")
    for depth, span in tree(spans):
        name = Text("  " * depth + span.name, style="red" if span.error else "")
        if span.trace_id != trace_id:
            name.append("  (linked)", style="dim")
        table.add_row(
            name,
            span.service,
            f"{(span.start - start) / 1e6:.2f} ms",
            f"{span.duration / 1e6:.2f} ms",
            _bar(span, start, max(end - start, 1)),
        )
    return table


def tree(spans: Sequence[Span]) -> list[tuple[int, Span]]:
    """The spans in the order of a waterfall, each with its depth; a span whose parent is not here begins a tree of its own."""
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.start):
        parent = span.parent_span_id if span.parent_span_id in known else None
        children.setdefault(parent, []).append(span)

    def below(parent: str | None, depth: int) -> Iterable[tuple[int, Span]]:
        for span in children.get(parent, []):
            yield depth, span
            yield from below(span.span_id, depth + 1)

    return list(below(None, 0))


def _bar(span: Span, start: int, whole: int) -> Text:
    begin = round((span.start - start) / whole * _BAR_WIDTH)
    width = max(1, round(span.duration / whole * _BAR_WIDTH))
    begin = min(begin, _BAR_WIDTH - 1)
    return Text(" " * begin + "█" * min(width, _BAR_WIDTH - begin), style="red" if span.error else "green")


def _logs(logs: Sequence[Log], start: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for log in logs:
        colour = {"ERROR": "red", "FATAL": "red", "WARN": "yellow"}.get(log.severity, "")
        table.add_row(
            f"+{(log.time - start) / 1e6:.2f} ms",
            Text(log.severity, style=colour),
            Text(log.event or log.logger or "", style="dim"),
            Text(log.body),
        )
    return table


def _absences(view: TraceView) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for place in view.missing:
        lines.append(Text.from_markup(f"\n[yellow]Not in {place}:[/] {escape(reason(view, place))}"))
    return lines


def _clock(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3] + "Z"
