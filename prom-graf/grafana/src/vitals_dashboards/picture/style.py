"""How the picture looks: colours like Grafana's, a legend, and values with their units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

GROUND, PANEL, EDGE, GRID = "#111217", "#181b1f", "#2b2e35", "#26292f"
TEXT, DIM, LINK = "#d8d9e0", "#8e929b", "#6e9fff"
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#8ab8ff", "#ffb357")
GOOD, WARN, BAD = "#73bf69", "#ff9830", "#f2495c"
NAMED = {"green": GOOD, "orange": WARN, "red": BAD, "text": DIM}
"""Grafana's names of a state's colours: green is as it should be, orange wants a look, red wants something done, text is none."""


def legend(axes: Axes, names: Sequence[tuple[str, str]]) -> None:
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


def nothing(axes: Axes, panel: dict[str, Any]) -> None:
    """What a panel without data says."""
    text = panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "No data")
    axes.text(0.5, 0.5, text, color=DIM, transform=axes.transAxes, fontsize=9, ha="center", va="center")


def said(value: float, unit: str) -> str:
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
