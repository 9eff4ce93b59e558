"""The plot for the README: requests a second of each variant, as bars."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.bench.figures import Result, counting_cell, median_of
from benchmarks.bench.variants import VARIANTS


def draw(result: Result, file: Path, *, connections: int = 16) -> None:
    """Write the picture as SVG; the same JSON gives the same bytes."""
    found = [(name, median_of(counting_cell(result, name, "iris", "closed", connections), "rate")) for name in VARIANTS]
    bars = [(VARIANTS[name].title, rate, name) for name, rate in found if rate is not None and name != "plain-again"][::-1]
    colours = ["#2563eb" if name.startswith("ours") or name == "instrument" else "#9ca3af" for _, _, name in bars]
    with mpl.rc_context({"svg.hashsalt": "performance", "font.size": 8}):
        figure = Figure(figsize=(6.4, 0.28 * len(bars) + 0.7), layout="constrained")
        axes = figure.subplots()
        drawn = axes.barh([title for title, _, _ in bars], [rate for _, rate, _ in bars], color=colours)
        axes.bar_label(drawn, labels=[f"{rate:,.0f}" for _, rate, _ in bars], padding=3)
        axes.set_xlabel(f"requests a second, {connections} connections, server on one core; iris, {result['plan']} run")
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.12)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
