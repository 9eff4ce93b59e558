"""One trace drawn for a terminal: the span tree as a waterfall, the logs in time order, the exemplars."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from vitals.lookup.records import Exemplar, Log, Span, TraceView
from vitals.lookup.remarks import remark
from vitals.lookup.trace_lookup import reason
from vitals.telemetry import printable
from vitals.trace_view.span_tree import tree
from vitals.trace_view.summary import by_importance, summary

_BAR_WIDTH = 32
_SHOWN_EXEMPLARS = 5


def draw(view: TraceView) -> RenderableType:
    """Everything that the stores have of the trace, and a line for each store that has nothing."""
    parts: list[RenderableType] = [_summary(view)]
    if view.exemplars:
        parts += [_heading("Exemplars"), _exemplars(view.exemplars)]
    if view.spans:
        parts += [_heading("Spans"), _spans(view.trace_id, view.spans)]
    if view.logs:
        start = view.spans[0].start if view.spans else view.logs[0].time
        parts += [_heading("Logs"), _logs(view, start)]
    parts += _absences(view)
    return Group(*parts)


def _heading(text: str) -> Text:
    return Text.from_markup(f"\n[bold cyan]{text}[/]")


def _summary(view: TraceView) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for store, count, kind in summary(view):
        table.add_row(Text(view.trace_id, style="bold" if count else "dim"), store, f"{count} {kind}")
    return table


def _exemplars(exemplars: Sequence[Exemplar]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for exemplar in by_importance(exemplars)[:_SHOWN_EXEMPLARS]:
        where = exemplar.labels.get("http_route") or exemplar.labels.get("span_name") or exemplar.labels.get("ml_model_name", "")
        table.add_row(
            exemplar.metric.removesuffix("_bucket"),
            f"{exemplar.value:.4g}",
            Text(printable(where), style="dim"),
        )
    if len(exemplars) > _SHOWN_EXEMPLARS:
        table.add_row(f"and {len(exemplars) - _SHOWN_EXEMPLARS} more, as `vitals trace --json` shows", "", "")
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
        name = Text("  " * depth + printable(span.name), style="red" if span.error else "")
        if span.trace_id != trace_id:
            name.append("  (linked)", style="dim")
        table.add_row(
            name,
            printable(span.service),
            f"{(span.start - start) / 1e6:.2f} ms",
            f"{span.duration / 1e6:.2f} ms",
            _bar(span, start, max(end - start, 1)),
        )
    return table


def _bar(span: Span, start: int, whole: int) -> Text:
    begin = round((span.start - start) / whole * _BAR_WIDTH)
    width = max(1, round(span.duration / whole * _BAR_WIDTH))
    begin = min(begin, _BAR_WIDTH - 1)
    return Text(" " * begin + "█" * min(width, _BAR_WIDTH - begin), style="red" if span.error else "green")


def _logs(view: TraceView, start: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for log in view.logs:
        colour = {"ERROR": "red", "FATAL": "red", "WARN": "yellow"}.get(log.severity, "")
        table.add_row(
            f"+{(log.time - start) / 1e6:.2f} ms",
            Text(printable(log.severity), style=colour),
            Text(printable(log.event or log.logger or ""), style="dim"),
            _told(view, log),
        )
    return table


def _told(view: TraceView, log: Log) -> Text:
    text = Text(printable(log.body))
    if said := remark(view, log):
        text.append(f"{' ' if log.body else ''}({printable(said)})", style="red")
    return text


def _absences(view: TraceView) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for place in view.missing:
        lines.append(Text.from_markup(f"\n[yellow]Not in {place}:[/] {escape(reason(view, place))}"))
    return lines
