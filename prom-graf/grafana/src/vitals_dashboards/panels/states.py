"""Panels with a row for each thing and a colour for its state at each time."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.statushistory import Panel as StatusHistory
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import FieldColorModeId, ValueMap, ValueMapping, ValueMappingResult

from vitals_dashboards.panels.panel_kinds import GRAPH_HEIGHT
from vitals_dashboards.panels.sources import PROMETHEUS

CELLS = 120
"""Cells in a row: Grafana draws none at all where they would be thinner than a pixel or two."""


def states(
    title: str, description: str, words: Mapping[int, tuple[str, str]], *queries: PrometheusQuery, width: int = 12, none: str = ""
) -> StateTimeline:
    """Numbers as words, each with its colour, over time: what stays the same is one bar."""
    named = {str(value): ValueMappingResult(text=word, color=colour) for value, (word, colour) in words.items()}
    mappings: list[ValueMapping] = [ValueMap(named)]
    panel = (
        StateTimeline()
        .title(title)
        .description(description)
        .unit("none")
        .datasource(PROMETHEUS)
        .height(GRAPH_HEIGHT)
        .span(width)
        .mappings(mappings)
        .show_value(common.VisibilityMode.NEVER)
    )
    if none:
        panel.no_value(none)
    for ref, one in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(one.ref_id(ref))
    return panel


def up_or_down(title: str, description: str, *queries: PrometheusQuery, width: int = 12) -> StateTimeline:
    """1 as up and 0 as down, over time."""
    return states(title, description, {0: ("down", "red"), 1: ("up", "green")}, *queries, width=width)


def cells(title: str, unit: str, description: str, one: PrometheusQuery, *, full: float, width: int = 12) -> StatusHistory:
    """A row for each series and a cell for each time, from green at 0 over yellow to red at `full` and above."""
    return (
        StatusHistory()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(PROMETHEUS)
        .height(GRAPH_HEIGHT)
        .span(width)
        .min(0)
        .max(full)
        .decimals(2)
        .color_scheme(FieldColor().mode(FieldColorModeId.CONTINUOUS_GR_YL_RD))
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.9)
        .max_data_points(CELLS)
        .with_target(one)
    )
