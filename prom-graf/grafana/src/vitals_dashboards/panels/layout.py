"""From rows of panels to a whole dashboard: ids, places, variables, and links to the other dashboards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink, QueryVariable, Row
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, Panel

UIDS = {
    "vitals-service": "Service",
    "vitals-model": "Model",
    "vitals-slo": "SLO",
    "vitals-host": "Host and process",
    "vitals-pipeline": "Pipeline",
}
"""The dashboards: uid and title."""

Rows = Sequence[tuple[str, Sequence[Builder[Panel]]]]
"""A row's title and its panels, from left to right."""


def dashboard(
    uid: str,
    description: str,
    variables: Sequence[QueryVariable],
    rows: Rows,
    *,
    marks: AnnotationQuery | None = None,
    time: str = "now-30m",
    refresh: str = "10s",
) -> dict[str, Any]:
    """The dashboard as Grafana's JSON (schema version 42); `marks` stand on all its graphs, `time` is where they begin."""
    built = (
        Dashboard(UIDS[uid])
        .uid(uid)
        .description(description)
        .tags(["vitals"])
        .time(time, "now")
        .refresh(refresh)
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    if marks:
        built.annotation(marks)
    for variable in variables:
        built.with_variable(variable)
    for other in UIDS:
        if other != uid:
            built.link(_link(other))
    for title, panels in rows:
        built.with_row(Row(title))
        for panel in panels:
            built.with_panel(panel)
    document: dict[str, Any] = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    for shown in [*document["links"], *document["annotations"].get("list", [])]:
        # The SDK's default hides links and the switches of marks in a menu; without a placement they stand above the panels.
        del shown["placement"]
    for number, made in enumerate(document["panels"], start=1):
        made["id"] = number
    return document


def _link(uid: str) -> DashboardLink:
    return (
        DashboardLink(UIDS[uid])
        .type(DashboardLinkType.LINK)
        .url(f"/d/{uid}")
        .tooltip(f"{UIDS[uid]}, for the same time and the same choice")
        .icon("dashboard")
        .keep_time(True)
        .include_vars(True)
        .target_blank(False)
    )
