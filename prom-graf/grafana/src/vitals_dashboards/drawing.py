"""Panels drawn with matplotlib from the engines' answers to the panels' own queries: what Grafana would show, without it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

GROUND, PANEL, EDGE, GRID = "#111217", "#181b1f", "#2b2e35", "#26292f"
TEXT, DIM, LINK = "#d8d9e0", "#8e929b", "#6e9fff"
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#8ab8ff", "#ffb357")
STATUS = {"2": "#73bf69", "4": "#f2cc0c", "5": "#f2495c"}
UP = "#4f8a4a"
GOOD, WARN, BAD = "#73bf69", "#ff9830", "#f2495c"
_UUID = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@dataclass(frozen=True)
class Series:
    """One line: its legend, times (seconds since the epoch), and values."""

    legend: str
    times: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]
    labels: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What the stores said to one panel's queries."""

    series: list[Series]
    exemplars: list[tuple[float, float]]
    lines: list[dict[str, Any]]


def series_of(result: Sequence[dict[str, Any]], legend_format: str) -> list[Series]:
    """Prometheus's matrix as lines, named as Grafana names them."""
    found = []
    for one in result:
        labels = {name: value for name, value in one["metric"].items() if name != "__name__"}
        legend = _legend_of(legend_format, labels)
        times = np.array([float(at) for at, _ in one["values"]])
        found.append(Series(legend.strip() or "none", times, np.array([float(value) for _, value in one["values"]]), labels))
    return found


def _legend_of(legend_format: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda use: _UUID.sub(r"\1…", labels.get(use[1], "")), legend_format)


def draw(axes: Axes, panel: dict[str, Any], answer: Answer, limits: tuple[float, float]) -> None:
    """One panel with its title; `limits` are the time range, in seconds since the epoch."""
    axes.set_facecolor(PANEL)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if panel["type"] in ("timeseries", "heatmap", "state-timeline"):
        axes.set_xlim(*limits)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: datetime.fromtimestamp(at, UTC).strftime("%H:%M")))
        axes.xaxis.set_major_locator(MultipleLocator(60))
        axes.tick_params(colors=DIM, labelsize=8, length=0)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    match panel["type"]:
        case "timeseries":
            _lines(axes, panel, answer)
        case "heatmap":
            _heatmap(axes, panel, answer)
        case "state-timeline":
            _states(axes, answer)
        case "stat":
            _stat(axes, panel, answer)
        case "logs":
            _logs(axes, answer)


def _lines(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    custom = panel["fieldConfig"]["defaults"]["custom"]
    series = sorted(answer.series, key=lambda one: one.legend)
    if "stacking" in custom:
        series = [one for one in series if np.nanmax(one.values, initial=0) > 0]
        times, rows = _together(series)
        if rows:
            axes.stackplot(times, *rows, colors=[_colour(one, n) + "b0" for n, one in enumerate(series)], linewidth=0)
    for number, one in enumerate(series):
        colour = _colour(one, number)
        if "stacking" not in custom:
            axes.plot(one.times, one.values, color=colour, linewidth=1.4)
            axes.fill_between(one.times, one.values, color=colour, alpha=0.08, linewidth=0)
    if answer.exemplars:
        at, value = zip(*answer.exemplars, strict=True)
        axes.scatter(at, value, marker="D", s=11, color="#a352cc", edgecolors="#d5a6ee", linewidths=0.4, zorder=5)
    axes.set_ylim(bottom=0, top=_top(panel, answer))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _said(value, unit)))
    names = [(_colour(one, n), one.legend) for n, one in enumerate(series)]
    if answer.exemplars:
        names.append(("#a352cc", "◆ exemplars"))
    _legend(axes, names)


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


def _legend(axes: Axes, names: Sequence[tuple[str, str]]) -> None:
    """The names below the graph, from left to right; those that have no room are left out."""
    frame = axes.get_window_extent()
    at, down = -50 / frame.width, -34 / frame.height
    for colour, name in names:
        line = axes.text(at, down, "━", color=colour, transform=axes.transAxes, fontsize=9, va="center")
        text = axes.text(at + 14 / frame.width, down, name, color=DIM, transform=axes.transAxes, fontsize=7.6, va="center")
        end = (text.get_window_extent().x1 - frame.x0) / frame.width
        if end > 1.03:
            line.remove()
            text.remove()
        else:
            at = end + 9 / frame.width


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
    axes.set_yticks(range(1, len(shown) + 1), [_said(bound, unit) for bound in bounds[low : high + 1]])
    axes.grid(visible=False)
    _legend(axes, [("#fca50a", "predictions in each bucket: the brighter, the more")])


def _states(axes: Axes, answer: Answer) -> None:
    for number, one in enumerate(answer.series):
        step = float(np.median(np.diff(one.times)))
        for value, colour in ((1, UP), (0, BAD)):
            spans = [(at - step, step * 1.2) for at, is_value in zip(one.times, one.values, strict=True) if is_value == value]
            axes.broken_barh(spans, (number + 0.14, 0.72), facecolors=colour, linewidth=0)
    axes.set_yticks([number + 0.5 for number in range(len(answer.series))], [one.legend for one in answer.series])
    axes.grid(visible=False)
    axes.set_ylim(len(answer.series), 0)
    _legend(axes, [(UP, "up"), (BAD, "down")])


def _stat(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    defaults = panel["fieldConfig"]["defaults"]
    [one] = answer.series
    last = [value for value in one.values if not math.isnan(value)][-1]
    colour = TEXT
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is None or last >= step["value"]:
            colour = {"green": GOOD, "orange": WARN, "red": BAD}.get(step["color"], TEXT)
    by_name = panel["options"]["textMode"] == "name"
    said = one.legend if by_name else _said(last, defaults["unit"])
    if not by_name:
        axes.fill_between(one.times, one.values, color=colour, alpha=0.16, linewidth=0)
        axes.plot(one.times, one.values, color=colour, alpha=0.5, linewidth=1)
        axes.set_xlim(one.times[0], one.times[-1])
        axes.set_ylim(0, (np.nanmax(one.values) or 1) * 3.4)
    axes.text(
        0.5,
        0.62,
        said,
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
        said = source["body"]["text"].splitlines()[0]
        if "exception.type" in attributes:
            said += f"   {attributes['exception.type']}: {attributes.get('exception.message', '')}".splitlines()[0]
        parts = (
            (0, "▎", severe),
            (14, hit["fields"]["@timestamp"][0][11:23], DIM),
            (112, source["severity_text"], severe),
            (165, said[:130], TEXT),
            (width - 285, f"trace_id {source.get('trace_id', '')}", LINK),
        )
        for at, text, colour in parts:
            axes.text(
                at / width, height, text, color=colour, transform=axes.transAxes, fontsize=8, va="center", family="monospace"
            )


def _said(value: float, unit: str) -> str:
    """A value with its unit, short."""
    if unit == "s":
        return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    if unit in ("bytes", "Bps"):
        power = min(int(math.log10(abs(value)) // 3), 3) if abs(value) >= 1 else 0
        return f"{value / 1000**power:.3g} {('B', 'kB', 'MB', 'GB')[power]}" + ("/s" if unit == "Bps" else "")
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    short = f"{value:.3g}" if abs(value) < 1000 else f"{value / 1000:.3g} k"
    return short + ("/s" if unit in ("reqps", "cps", "ops", "pps") else "")
