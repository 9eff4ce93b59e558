"""Panels drawn with matplotlib from the engines' answers to the panels' own queries: what Grafana would show, without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from vitals_dashboards.picture.drawing_tables import draw_bars, draw_cells, draw_matrix, draw_states
from vitals_dashboards.picture.query_results import Answer, Series
from vitals_dashboards.picture.style import BAD, COLOURS, DIM, GRID, LINK, NAMED, PANEL, TEXT, WARN, legend, nothing, said


def draw(axes: Axes, panel: dict[str, Any], answer: Answer, limits: tuple[float, float]) -> None:
    """One panel with its title; `limits` are the time range, in seconds since the epoch."""
    axes.set_facecolor(PANEL)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if panel["type"] not in ("stat", "logs", "table", "barchart"):
        axes.set_xlim(*limits)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: datetime.fromtimestamp(at, UTC).strftime("%H:%M")))
        axes.xaxis.set_major_locator(MultipleLocator(60))
        axes.tick_params(colors=DIM, labelsize=8, length=0)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    if not (answer.series or answer.lines):
        axes.set_xticks([])
        axes.set_yticks([])
        nothing(axes, panel)
        return
    match panel["type"]:
        case "timeseries":
            _lines(axes, panel, answer)
        case "heatmap":
            _heatmap(axes, panel, answer)
        case "state-timeline":
            draw_states(axes, panel, answer)
        case "status-history":
            draw_cells(axes, panel, answer)
        case "barchart":
            draw_bars(axes, panel, answer)
        case "table":
            draw_matrix(axes, panel, answer)
        case "stat":
            _stat(axes, panel, answer)
        case "logs":
            _logs(axes, answer)


def _lines(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    custom = panel["fieldConfig"]["defaults"]["custom"]
    series = sorted(answer.series, key=lambda one: one.legend)
    limits = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
    if "stacking" in custom:
        series = [one for one in series if np.nanmax(one.values, initial=0) > 0]
        times, rows = _together(series)
        if rows:
            axes.stackplot(times, *rows, colors=[_colour(one, n) + "b0" for n, one in enumerate(series)], linewidth=0)
    for number, one in enumerate(series):
        colour = BAD if one.legend in limits else _colour(one, number)
        if one.legend in limits:
            axes.plot(one.times, one.values, color=colour, linewidth=1.2, linestyle=(0, (6, 4)))
        elif "stacking" not in custom:
            axes.plot(one.times, one.values, color=colour, linewidth=1.4)
            axes.fill_between(one.times, one.values, color=colour, alpha=0.08, linewidth=0)
    if answer.exemplars:
        at, value = zip(*answer.exemplars, strict=True)
        axes.scatter(at, value, marker="D", s=11, color="#a352cc", edgecolors="#d5a6ee", linewidths=0.4, zorder=5)
    signed = panel["fieldConfig"]["defaults"].get("min") is None
    axes.set_ylim(bottom=None if signed else 0, top=_top(panel, answer))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, unit)))
    names = [(BAD if one.legend in limits else _colour(one, n), one.legend) for n, one in enumerate(series)]
    if answer.exemplars:
        names.append(("#a352cc", "◆ exemplars"))
    legend(axes, names)


def _top(panel: dict[str, Any], answer: Answer) -> float | None:
    if panel["fieldConfig"]["defaults"].get("max") is not None:
        return float(panel["fieldConfig"]["defaults"]["max"])
    return max((value for _, value in answer.exemplars), default=0) * 1.1 or None


def _colour(one: Series, number: int) -> str:
    if "http_response_status_code" in one.labels:
        return {"200": "#73bf69", "404": "#f2cc0c", "422": "#ff9830"}.get(one.legend, "#f2495c")
    return COLOURS[number % len(COLOURS)]


def _together(series: Sequence[Series]) -> tuple[np.ndarray[Any, Any], list[np.ndarray[Any, Any]]]:
    """All series at the same times; 0 where one has no value."""
    times = np.unique(np.concatenate([one.times for one in series])) if series else np.array([])
    rows = []
    for one in series:
        row = np.zeros(len(times))
        row[np.searchsorted(times, one.times)] = np.nan_to_num(one.values)
        rows.append(row)
    return times, rows


def _heatmap(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    bounded = sorted((one for one in answer.series if one.labels["le"] != "+Inf"), key=lambda one: float(one.labels["le"]))
    times, rows = _together(bounded)
    counts = np.diff(np.array([np.zeros(len(times)), *rows]), axis=0)
    bounds = [float(one.labels["le"]) for one in bounded]
    used = [number for number, row in enumerate(counts) if row.max(initial=0) > 0.5]
    low, high = max(min(used) - 1, 0), min(max(used) + 1, len(bounds) - 1)
    shown = np.clip(counts[low : high + 1], 0, None)
    axes.pcolormesh(
        times, np.arange(len(shown) + 1)[:-1] + 0.5, np.ma.masked_less(shown, 0.5), cmap="inferno", shading="nearest", vmin=0
    )
    axes.set_ylim(0, len(shown))
    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes.set_yticks(range(1, len(shown) + 1), [said(bound, unit) for bound in bounds[low : high + 1]])
    axes.grid(visible=False)
    legend(axes, [("#fca50a", "predictions in each bucket: the brighter, the more")])


def _stat(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    defaults = panel["fieldConfig"]["defaults"]
    [one] = answer.series
    last = [value for value in one.values if not math.isnan(value)][-1]
    colour = TEXT
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is None or last >= step["value"]:
            colour = NAMED.get(step["color"], TEXT)
    by_name = panel["options"]["textMode"] == "name"
    if panel["options"]["graphMode"] != "none":
        axes.fill_between(one.times, one.values, color=colour, alpha=0.16, linewidth=0)
        axes.plot(one.times, one.values, color=colour, alpha=0.5, linewidth=1)
        axes.set_xlim(one.times[0], one.times[-1])
        axes.set_ylim(0, (np.nanmax(one.values) or 1) * 3.4)
    axes.text(
        0.5,
        0.62,
        one.legend if by_name else said(last, defaults["unit"]),
        color=colour,
        transform=axes.transAxes,
        fontsize=16 if by_name else 21,
        ha="center",
        va="center",
        weight="bold",
    )


def _logs(axes: Axes, answer: Answer) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    width = axes.get_window_extent().width
    room = max(len(answer.lines), 1)
    for number, hit in enumerate(answer.lines):
        source, height = hit["_source"], 1 - (number + 0.5) / room
        severe = {"ERROR": BAD, "WARN": WARN}.get(source["severity_text"], DIM)
        attributes = source.get("attributes", {})
        line = source["body"]["text"].splitlines()[0]
        if "exception.type" in attributes:
            line += f"   {attributes['exception.type']}: {attributes.get('exception.message', '')}".splitlines()[0]
        parts = (
            (0, "▎", severe),
            (14, hit["fields"]["@timestamp"][0][11:23], DIM),
            (112, source["severity_text"], severe),
            (165, line[:130], TEXT),
            (width - 285, f"trace_id {source.get('trace_id', '')}", LINK),
        )
        for at, text, colour in parts:
            axes.text(
                at / width, height, text, color=colour, transform=axes.transAxes, fontsize=8, va="center", family="monospace"
            )
