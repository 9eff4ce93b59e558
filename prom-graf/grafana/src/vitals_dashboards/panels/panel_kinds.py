"""The kinds of panel that the dashboards are made of: each with a unit, and with what to do when it looks wrong."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as build
from grafana_foundation_sdk.builders import elasticsearch as elastic
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.heatmap import Panel as Heatmap
from grafana_foundation_sdk.builders.heatmap import YAxisConfig
from grafana_foundation_sdk.builders.logs import Panel as Logs
from grafana_foundation_sdk.builders.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from vitals_dashboards.panels.sources import PROMETHEUS

STAT_HEIGHT = 4
GRAPH_HEIGHT = 8
LOGS_HEIGHT = 10


def query(expr: str, legend: str = "", *, exemplars: bool = False, latest: bool = False) -> PrometheusQuery:
    """PromQL over the time range. `exemplars`: also show the traces behind its histogram's buckets, as dots to click.

    `latest`: ask for the end of the time range only, where the whole of it would cost much.
    """
    one = PrometheusQuery().ref_id("A").expr(expr).legend_format(legend or "__auto").exemplar(exemplars).datasource(PROMETHEUS)
    return one.instant() if latest else one.range()


def legend_below() -> build.VizLegendOptions:
    """The names of the series, side by side below what is drawn."""
    options = build.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
    return options.placement(common.LegendPlacement.BOTTOM).show_legend(True)


def timeseries(
    title: str,
    unit: str,
    description: str,
    *queries: PrometheusQuery,
    width: int = 8,
    stacked: bool = False,
    share: bool = False,
    signed: bool = False,
    limit: str = "",
    promised: tuple[float, float] | None = None,
    points: int | None = None,
    none: str = "",
) -> Timeseries:
    """Lines over time.

    `stacked`: areas upon each other; `share`: from 0 to 1; `signed`: not from 0. `limit`: the legend of the line that the
    others are compared with, drawn in red dashes. `promised`: two values that are not to be passed, as dashed lines across,
    the lower in orange, the higher in red. `points`: at most so many of each line, where one costs much. `none`: what
    is said where there are no data, if that is no trouble.
    """
    panel = (
        Timeseries()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(PROMETHEUS)
        .height(GRAPH_HEIGHT)
        .span(width)
        .line_width(1)
        .fill_opacity(60 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(legend_below())
        .tooltip(build.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )
    if not signed:
        panel.min(0)
    if share:
        panel.max(1)
    if stacked:
        panel.stacking(build.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if limit:
        dashes = {"fill": "dash", "dash": [8, 6]}
        red = {"mode": "fixed", "fixedColor": "red"}
        panel.override_by_name(limit, [DynamicConfigValue("custom.lineStyle", dashes), DynamicConfigValue("color", red)])
    if promised:
        panel.thresholds(_thresholds(*promised))
        panel.thresholds_style(build.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    if points:
        panel.max_data_points(points)
    if none:
        panel.no_value(none)
    return _with(panel, queries)


def stat(
    title: str,
    unit: str,
    description: str,
    one: PrometheusQuery | elastic.Dataquery,
    *,
    warn: float | None = None,
    bad: float | None = None,
    decimals: int | None = None,
    name: bool = False,
    graph: bool = True,
    width: int = 4,
    none: str = "",
    source: DataSourceRef = PROMETHEUS,
) -> Stat:
    """The latest value, large. It turns orange at `warn`, red at `bad`, whichever is larger; `name` shows the series.

    `none`: what is said where there are no data, if that is no trouble.
    """
    panel = (
        Stat()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(source)
        .height(STAT_HEIGHT)
        .span(width)
        .graph_mode(common.BigValueGraphMode.AREA if graph else common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(common.BigValueTextMode.NAME if name else common.BigValueTextMode.VALUE)
        .reduce_options(build.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(warn, bad))
        .with_target(one)
    )
    if decimals is not None:
        panel.decimals(decimals)
    if none:
        panel.no_value(none)
    return panel


def _thresholds(warn: float | None, bad: float | None) -> ThresholdsConfig:
    if warn is None or bad is None:
        steps = [Threshold(value=None, color="text")]
    elif warn < bad:
        steps = [Threshold(None, "green"), Threshold(warn, "orange"), Threshold(bad, "red")]
    else:
        steps = [Threshold(None, "red"), Threshold(bad, "orange"), Threshold(warn, "green")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def heatmap(
    title: str, unit: str, description: str, expr: str, *, exemplars: bool = False, width: int = 8, none: str = ""
) -> Heatmap:
    """A histogram's buckets over time; `expr` gives the counts by `le`. `none`: what is said where there are no data."""
    panel = (
        Heatmap()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(PROMETHEUS)
        .height(GRAPH_HEIGHT)
        .span(width)
        .calculate(False)
        .cell_gap(1)
        .y_axis(YAxisConfig().unit(unit))
        .with_target(query(expr, "{{le}}", exemplars=exemplars).format(PromQueryFormat.HEATMAP))
    )
    if none:
        panel.no_value(none)
    return panel


def logs(title: str, description: str, lucene: str, source: DataSourceRef, *, limit: int = 100, width: int = 24) -> Logs:
    """The newest log records that match, newest first; opened, each has links on its `trace_id`."""
    newest = elastic.Logs().id("1").settings(elastic.ElasticsearchLogsSettings().limit(str(limit)))
    return (
        Logs()
        .title(title)
        .description(description)
        .datasource(source)
        .height(LOGS_HEIGHT)
        .span(width)
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(common.LogsSortOrder.DESCENDING)
        .with_target(
            elastic.Dataquery()
            .datasource(source)
            .ref_id("A")
            .query(lucene)
            .time_field("@timestamp")
            .metrics([newest])
            .bucket_aggs([])
        )
    )


def newest_document(lucene: str, source: DataSourceRef) -> elastic.Dataquery:
    """The time of the newest document that matches, in milliseconds since the epoch."""
    return (
        elastic.Dataquery()
        .datasource(source)
        .ref_id("A")
        .query(lucene)
        .time_field("@timestamp")
        .metrics([elastic.Max().id("1").field("@timestamp")])
        .bucket_aggs(
            [
                elastic.DateHistogram()
                .id("2")
                .field("@timestamp")
                .settings(elastic.ElasticsearchDateHistogramSettings().interval("auto").min_doc_count("1"))
            ]
        )
    )


def _with(panel: Timeseries, queries: tuple[PrometheusQuery, ...]) -> Timeseries:
    for ref, one in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(one.ref_id(ref))
    return panel
