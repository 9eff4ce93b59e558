"""What the stores answered to a panel's queries, as the picture's drawing takes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_UUID = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@dataclass(frozen=True)
class Series:
    """One line: its legend, times (seconds since the epoch), values, labels, and the letter of the query that it answers."""

    legend: str
    times: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]
    labels: dict[str, str]
    ref: str


@dataclass(frozen=True)
class Answer:
    """What the stores said to one panel's queries."""

    series: list[Series]
    exemplars: list[tuple[float, float]]
    lines: list[dict[str, Any]]


def series_of(result: Sequence[dict[str, Any]], legend_format: str, ref: str) -> list[Series]:
    """Prometheus's matrix or vector as lines, named as Grafana names them."""
    found = []
    for one in result:
        labels = {name: value for name, value in one["metric"].items() if name != "__name__"}
        legend = _legend_of(legend_format, labels)
        samples = one["values"] if "values" in one else [one["value"]]
        times, values = (np.array([float(sample[place]) for sample in samples]) for place in (0, 1))
        found.append(Series(legend.strip() or "none", times, values, labels, ref))
    return found


def _legend_of(legend_format: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda use: _UUID.sub(r"\1…", labels.get(use[1], "")), legend_format)
