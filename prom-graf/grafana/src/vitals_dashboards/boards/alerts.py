"""Alerts on the dashboards, from Prometheus's own series ALERTS: they need neither Alertmanager nor Grafana's alerting."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery

from vitals_dashboards.panels.panel_kinds import query
from vitals_dashboards.panels.sources import PROMETHEUS
from vitals_dashboards.panels.states import states

NONE = "No alert is pending or firing."
WORDS = {1: ("pending", "orange"), 2: ("firing", "red")}
RUNBOOKS = "docs/runbooks has a page for each, called like the alert"


def alert_states(title: str, labels: str, by: str, legend: str, *, width: int = 24) -> Any:
    """Each alert's state over time; those that are quiet have no row."""
    pending, firing = (f'ALERTS{{{labels}, alertstate="{state}"}}' for state in ("pending", "firing"))
    return states(
        title,
        f"Pending: true, but not for long enough yet. Firing: people were told. What to do: {RUNBOOKS}. Empty is how it "
        "should be.",
        WORDS,
        query(f"max by ({by}) (2 * {firing} or {pending})", legend),
        width=width,
        none=NONE,
    )


def firing(scope: str) -> AnnotationQuery:
    """Marks on every graph of a dashboard where an alert of this scope (a regular expression) fired."""
    return (
        AnnotationQuery()
        .name("Alerts")
        .datasource(PROMETHEUS)
        .enable(True)
        .icon_color("red")
        .expr(f'ALERTS{{scope=~"{scope}", alertstate="firing"}}')
        .step("10s")
        .title_format("{{alertname}}")
        .text_format("{{severity}} {{ml_model_name}} {{ml_feature_name}}")
        .tag_keys("alertname,severity")
    )
