"""Panels over the whole time range, without a time axis: bars by category, and a matrix."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as build
from grafana_foundation_sdk.builders.barchart import Panel as BarChart
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, FieldColorModeId
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from vitals_dashboards.panels.panel_kinds import GRAPH_HEIGHT, legend_below
from vitals_dashboards.panels.sources import PROMETHEUS


def now(expr: str) -> PrometheusQuery:
    """PromQL at the end of the time range, as rows of a table."""
    return PrometheusQuery().ref_id("A").expr(expr).instant().format(PromQueryFormat.TABLE).datasource(PROMETHEUS)


def bars(title: str, description: str, by: str, *, width: int = 12, **exprs: str) -> BarChart:
    """Shares side by side for each value of the label `by`, which every series has; `exprs`: each bar's name and its query."""
    panel = (
        BarChart()
        .title(title)
        .description(description)
        .unit("percentunit")
        .datasource(PROMETHEUS)
        .height(GRAPH_HEIGHT)
        .span(width)
        .min(0)
        .x_field(by)
        .orientation(common.VizOrientation.VERTICAL)
        .show_value(common.VisibilityMode.NEVER)
        .legend(legend_below())
        .tooltip(build.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.NONE))
        .with_transformation(DataTransformerConfig("joinByField", options={"byField": by, "mode": "outer"}))
    )
    names = {}
    for ref, (name, expr) in zip("ABCD", exprs.items(), strict=False):
        panel.with_target(now(expr).ref_id(ref))
        names[f"Value #{ref}"] = name
    times = {f"Time {number}": True for number in range(1, len(exprs) + 1)} | {"Time": True}
    panel.with_transformation(DataTransformerConfig("organize", options={"excludeByName": times, "renameByName": names}))
    return panel.with_transformation(DataTransformerConfig("sortBy", options={"sort": [{"field": by}]}))


def matrix(title: str, description: str, expr: str, *, row: str, column: str, width: int = 8, none: str = "") -> Table:
    """Counts by two labels: a row for each value of one, a column for each value of the other; the more, the darker."""
    panel = (
        Table()
        .title(title)
        .description(description)
        .unit("none")
        .decimals(0)
        .datasource(PROMETHEUS)
        .height(GRAPH_HEIGHT)
        .span(width)
        .color_scheme(FieldColor().mode(FieldColorModeId.CONTINUOUS_BLUES))
        .cell_options(common.TableColoredBackgroundCellOptions())
        .with_target(now(expr))
        .with_transformation(
            DataTransformerConfig(
                "groupingToMatrix",
                options={"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "zero"},
            )
        )
    )
    if none:
        panel.no_value(none)
    return panel
