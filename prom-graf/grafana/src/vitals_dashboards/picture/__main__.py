"""`python -m vitals_dashboards.picture FILE`: the dashboards' main panels as a picture.

A stack of its own is started, gets some minutes of mixed traffic with trouble in it, and is asked the panels' own queries;
matplotlib draws the answers. So the data are the real engines', and only the drawing is not Grafana's.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vitals.lookup.clients import Stores
from vitals_dashboards import filled, generated
from vitals_dashboards.panels.layout import UIDS
from vitals_dashboards.picture.drawing import draw
from vitals_dashboards.picture.query_results import Answer, series_of
from vitals_dashboards.picture.style import DIM, EDGE, GROUND, PANEL, TEXT
from vitals_dashboards.picture.traffic import running_stack, send_mixed_traffic

SECONDS = 360
STEP = 5
WIDTH, MARGIN, GAP = 1600, 16, 8
HEAD, TITLE = 44, 40
INDICES = {"elasticsearch-logs": "logs-*", "elasticsearch-traces": "traces-*"}

ROWS: tuple[tuple[str, int, tuple[tuple[str, int], ...]], ...] = (
    (
        "vitals-service",
        96,
        (
            ("Requests", 1),
            ("Answered with 2xx", 1),
            ("P95 latency", 1),
            ("Failures (5xx)", 1),
            ("In flight", 1),
            ("Instances", 1),
        ),
    ),
    ("vitals-service", 250, (("Request rate by status", 1), ("Latency: P50, P95, P99 and average", 2))),
    ("vitals-service", 166, (("Recent errors", 1),)),
    (
        "vitals-model",
        96,
        (
            ("Drifted features", 1),
            ("Most drifted", 1),
            ("Highest PSI for its threshold", 1),
            ("PSI of the predictions for its threshold", 1),
            ("Accuracy, from labels", 1),
            ("Accuracy, estimated", 1),
        ),
    ),
    ("vitals-model", 210, (("PSI by feature", 1), ("Drifted, by feature", 1))),
    (
        "vitals-model",
        240,
        (("PSI of $feature, against its threshold", 1), ("Shares of $feature by bin, now and in the reference", 2)),
    ),
    ("vitals-model", 250, (("Prediction distribution", 1), ("Confidence, all predictions", 1), ("Inference: P50, P95, P99", 1))),
    ("vitals-model", 250, (("Accuracy: from labels, and estimated", 2), ("Confusion matrix", 1), ("Labels taken", 1))),
    (
        "vitals-slo",
        96,
        (
            ("Not failed, 30d", 1),
            ("Budget of failures left", 1),
            ("Failures: burn rate", 1),
            ("Within 250 ms, 30d", 1),
            ("Budget of slow answers left", 1),
            ("Slow answers: burn rate", 1),
        ),
    ),
    ("vitals-slo", 240, (("Budget of failures, over time", 1), ("Failures: burn rate by window", 1), ("All alerts", 2))),
    ("vitals-host", 230, (("CPU", 1), ("Collections by generation", 1), ("Pressure", 1))),
    ("vitals-pipeline", 240, (("Received, by signal", 4), ("Queued", 5), ("Engines up", 4))),
)
LONG_NAMES = ("All alerts",)
"""Panels whose rows have long names."""
"""A dashboard, the height of a row in pixels, and its panels with their shares of the width."""


def figure(stores: Stores, end: float) -> Figure:
    """The picture of the SECONDS before `end` (seconds since the epoch)."""
    start = end - SECONDS
    boards = {board["uid"]: board for board in generated.dashboards()}
    chosen = {uid: filled.values(board, lambda *asked: _label_values(stores, *asked)) for uid, board in boards.items()}
    height = MARGIN + sum(size + GAP for _, size, _ in ROWS) + HEAD * len({uid for uid, _, _ in ROWS})
    whole = plt.figure(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor=GROUND)
    plt.rcParams["font.family"] = "DejaVu Sans"
    top, shown = float(MARGIN), ""
    for uid, size, names in ROWS:
        if uid != shown:
            _heading(whole, UIDS[uid], chosen[uid], top, height)
            top, shown = top + HEAD, uid
        for left, width, panel in _places(boards[uid], names):
            _frame(whole, filled.promql(panel["title"], chosen[uid]), (left, top, width, size), height)
            axes = _axes(whole, panel, (left, top, width, size), height)
            draw(axes, panel, _answer(stores, panel, chosen[uid], start, end), (start, end))
        top += size + GAP
    return whole


def _places(board: dict[str, Any], names: tuple[tuple[str, int], ...]) -> Iterator[tuple[float, float, dict[str, Any]]]:
    """Left edge and width in pixels, and the panel."""
    one = (WIDTH - 2 * MARGIN - GAP * (len(names) - 1)) / sum(share for _, share in names)
    left = float(MARGIN)
    for name, share in names:
        panel = next(panel for panel in filled.panels(board) if panel["title"] == name)
        yield left, one * share, panel
        left += one * share + GAP


def _heading(whole: Figure, title: str, chosen: filled.Chosen, top: float, height: float) -> None:
    y = 1 - (top + HEAD / 2 - 4) / height
    whole.text(MARGIN / WIDTH, y, title, color=TEXT, fontsize=14, weight="bold", va="center")
    lists = {name: [values] if isinstance(values, str) else values for name, values in chosen.items()}
    said = "     ".join(f"{name}: {values[0][:13] if len(values) == 1 else 'All'}" for name, values in lists.items())
    whole.text(1 - MARGIN / WIDTH, y, said, color=DIM, fontsize=9, va="center", ha="right")


def _frame(whole: Figure, title: str, place: tuple[float, float, float, float], height: float) -> None:
    left, top, width, size = place
    whole.patches.append(
        Rectangle(
            (left / WIDTH, 1 - (top + size) / height),
            width / WIDTH,
            size / height,
            facecolor=PANEL,
            edgecolor=EDGE,
            linewidth=0.8,
            transform=whole.transFigure,
            zorder=-1,
        )
    )
    whole.text((left + 10) / WIDTH, 1 - (top + 15) / height, title, color=TEXT, fontsize=9, va="center")


def _axes(whole: Figure, panel: dict[str, Any], place: tuple[float, float, float, float], height: float) -> Any:
    """The drawing's own place inside the panel's frame: with room for ticks where there are any."""
    left, top, width, size = place
    graph = panel["type"] not in ("stat", "logs")
    before, after, above, below = (78, 14, 34, 46) if graph else (8, 8, 28, 6)
    if panel["title"] in LONG_NAMES:
        before = 260
    return whole.add_axes(
        (
            (left + before) / WIDTH,
            1 - (top + size - below) / height,
            (width - before - after) / WIDTH,
            (size - above - below) / height,
        )
    )


def _label_values(stores: Stores, selector: str, label: str) -> list[str]:
    values: list[str] = (
        stores.prometheus.get(f"/api/v1/label/{label}/values", params={"match[]": selector}).raise_for_status().json()["data"]
    )
    return values


def _answer(stores: Stores, panel: dict[str, Any], chosen: filled.Chosen, start: float, end: float) -> Answer:
    series, exemplars, lines = [], [], []
    for query in panel["targets"]:
        if "expr" not in query:
            lines += _lines(stores, query, chosen, start, end)
            continue
        promql = filled.promql(query["expr"], chosen)
        asked: dict[str, Any] = {"query": promql, "start": start, "end": end}
        if query["instant"]:
            answer = stores.prometheus.post("/api/v1/query", data={"query": promql, "time": end})
        else:
            answer = stores.prometheus.post("/api/v1/query_range", data={**asked, "step": STEP})
        result = answer.raise_for_status().json()["data"]["result"]
        series += series_of(result, query.get("legendFormat", ""), query["refId"])
        if query.get("exemplar") and panel["type"] == "timeseries":
            exemplars += _exemplars(stores, asked)
    return Answer(series, exemplars, lines)


def _exemplars(stores: Stores, asked: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The slowest two of each five seconds: more can't be told apart."""
    answer = stores.prometheus.post("/api/v1/query_exemplars", data=dict(asked)).raise_for_status().json()
    found: dict[int, list[tuple[float, float]]] = {}
    for one in (exemplar for series in answer["data"] for exemplar in series["exemplars"]):
        at, value = float(one["timestamp"]), float(one["value"])
        found.setdefault(int(at) // STEP, []).append((at, value))
    return [kept for some in found.values() for kept in sorted(some, key=lambda one: -one[1])[:2]]


def _lines(stores: Stores, query: dict[str, Any], chosen: filled.Chosen, start: float, end: float) -> list[dict[str, Any]]:
    body = filled.elasticsearch_body(query, filled.lucene(query["query"], chosen), int(start * 1000), int(end * 1000))
    answer = stores.elasticsearch.post(
        f"/{INDICES[query['datasource']['uid']]}/_search",
        content=json.dumps({**body, "size": 6}),
        headers={"content-type": "application/json"},
    )
    hits: list[dict[str, Any]] = answer.raise_for_status().json()["hits"]["hits"]
    return hits


def main(file: Path) -> None:
    """Start the stack, send, ask, draw, and stop."""
    with running_stack() as settings:
        stores = Stores(settings)
        # Rates need a minute before the picture's beginning.
        send_mixed_traffic(settings, SECONDS + 60)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure(stores, time.time() - 5).savefig(file, facecolor=GROUND)
        stores.close()
    sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
