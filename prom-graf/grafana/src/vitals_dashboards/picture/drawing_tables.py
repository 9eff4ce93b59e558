"""The panels with a row for each thing, and those without a time axis: states, cells, bars, and the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter

from vitals_dashboards.picture.query_results import Answer
from vitals_dashboards.picture.style import BAD, COLOURS, DIM, GOOD, NAMED, TEXT, legend, said

CELLS = LinearSegmentedColormap.from_list("continuous-GrYlRd", [GOOD, "#fade2a", BAD])
BLUES = LinearSegmentedColormap.from_list("continuous-blues", ["#1f2a44", "#5794f2"])


def draw_states(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    """A bar for each time that a thing was in one state."""
    [mapping] = panel["fieldConfig"]["defaults"]["mappings"]
    words = {float(value): (one["text"], NAMED[one["color"]]) for value, one in mapping["options"].items()}
    for number, one in enumerate(answer.series):
        step = float(np.diff(one.times).min()) if len(one.times) > 1 else 5.0
        for value, (_, colour) in words.items():
            spans = [(at - step, step) for at, is_value in zip(one.times, one.values, strict=True) if is_value == value]
            axes.broken_barh(spans, (number + 0.14, 0.72), facecolors=colour, alpha=0.7, linewidth=0)
    axes.set_yticks([number + 0.5 for number in range(len(answer.series))], [one.legend[:42] for one in answer.series])
    axes.grid(visible=False)
    axes.set_ylim(len(answer.series), 0)
    legend(axes, [(colour, word) for word, colour in words.values()])


def draw_cells(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    """A colour for each thing and time."""
    full = panel["fieldConfig"]["defaults"]["max"]
    series = sorted(answer.series, key=lambda one: one.legend)
    for number, one in enumerate(series):
        step = float(np.diff(one.times).min()) if len(one.times) > 1 else 5.0
        for at, value in zip(one.times, np.nan_to_num(one.values), strict=True):
            axes.broken_barh([(at - step, step * 0.96)], (number + 0.06, 0.88), facecolors=CELLS(value / full), linewidth=0)
    axes.set_yticks([number + 0.5 for number in range(len(series))], [one.legend for one in series])
    axes.grid(visible=False)
    axes.set_ylim(len(series), 0)
    legend(axes, [(GOOD, "0"), ("#fade2a", f"{full / 2:g}"), (BAD, f"{full:g} and more")])


def draw_bars(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    """Bars side by side for each category."""
    by = panel["options"]["xField"]
    names = next(one["options"]["renameByName"] for one in panel["transformations"] if one["id"] == "organize")
    categories = sorted({one.labels.get(by, "") for one in answer.series})
    width = 0.76 / len(names)
    for place, (field, _) in enumerate(names.items()):
        shares = {one.labels.get(by, ""): one.values[-1] for one in answer.series if f"Value #{one.ref}" == field}
        at = [number + (place - (len(names) - 1) / 2) * width for number in range(len(categories))]
        axes.bar(at, [np.nan_to_num(shares.get(one, 0)) for one in categories], width * 0.9, color=COLOURS[place + 1])
    axes.set_xticks(range(len(categories)), categories)
    axes.tick_params(colors=DIM, labelsize=8, length=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, panel["fieldConfig"]["defaults"]["unit"])))
    legend(axes, [(COLOURS[place + 1], name) for place, name in enumerate(names.values())])


def draw_matrix(axes: Axes, panel: dict[str, Any], answer: Answer) -> None:
    """A number for each pair of values; the larger, the brighter."""
    options = panel["transformations"][0]["options"]
    rows = sorted({one.labels[options["rowField"]] for one in answer.series})
    columns = sorted({one.labels[options["columnField"]] for one in answer.series})
    counts = np.zeros((len(rows), len(columns)))
    for one in answer.series:
        counts[rows.index(one.labels[options["rowField"]]), columns.index(one.labels[options["columnField"]])] = one.values[-1]
    axes.imshow(counts, cmap=BLUES, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, f"{count:.0f}", color=TEXT, fontsize=9, ha="center", va="center")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(colors=DIM, labelsize=8, length=0)
    legend(axes, [(COLOURS[2], "rows: true, columns: predicted")])
