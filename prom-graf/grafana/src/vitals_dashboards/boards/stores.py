"""The lower rows of the dashboard «Pipeline»: the stores at the end of it, and the engines as processes."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.panels.panel_kinds import query, timeseries
from vitals_dashboards.panels.queries import COLLECTOR, PROCESS, occurred, or_zero, rate
from vitals_dashboards.panels.states import up_or_down


def stores() -> list[Any]:
    """What arrives in Prometheus and Jaeger."""
    return [
        timeseries(
            "Age of the newest metrics",
            "s",
            "By who sends: the service every second, span metrics every 5 s, the host every 10 s. Above three times that, "
            "something on the way is late; a line that ends is a sender that ended.",
            query(f"time() - max(timestamp(ml_model_info{{{PROCESS}}}))", "service"),
            query(f"time() - max(timestamp(traces_span_metrics_calls_total{{{PROCESS}}}))", "span metrics"),
            query("time() - max(timestamp(system_cpu_logical_count))", "host"),
            width=6,
        ),
        timeseries(
            "Samples into Prometheus",
            "cps",
            "Samples stored a second. A jump that stays is a new source of series: compare with the number of series.",
            query(rate("prometheus_tsdb_head_samples_appended_total", 'job="prometheus"', "type"), "{{type}}"),
            width=6,
        ),
        timeseries(
            "Series and exemplars in Prometheus",
            "none",
            "Series should stay level under any load, since no user's input becomes a label. Growing without end: find the "
            "metric with "
            '`topk(10, count by (__name__) ({__name__=~".+"}))`. Exemplars are kept up to 100,000, then the oldest go.',
            query('sum(prometheus_tsdb_head_series{job="prometheus"})', "series"),
            query('sum(prometheus_tsdb_exemplar_exemplars_in_storage{job="prometheus"})', "exemplars"),
            width=6,
        ),
        timeseries(
            "Spans into Jaeger",
            "cps",
            "Spans that Jaeger has stored, and that it failed to. Stored at 0 while the Collector sends: Jaeger's disk or "
            "its own log.",
            query(rate("otelcol_exporter_sent_spans_total", 'job="jaeger"'), "stored"),
            query(
                or_zero(
                    occurred("otelcol_exporter_send_failed_spans_total", 'job="jaeger"'),
                    rate("otelcol_exporter_sent_spans_total", 'job="jaeger"'),
                ),
                "failed",
            ),
            width=6,
        ),
    ]


def engines() -> list[Any]:
    """Whether they run, and what they take."""
    return [
        up_or_down(
            "Engines up",
            "Whether Prometheus reaches each engine, and whether the service's metrics arrive. Elasticsearch has no metrics "
            "of its own: see «Newest log» and its queue. Down: `vitals status`, then the engine's log.",
            query("max by (job) (up)", "{{job}}"),
            query("count(ml_model_info) > bool 0", "service"),
        ),
        timeseries(
            "Memory of the engines",
            "bytes",
            "Resident memory of those that tell it. The Collector should stay below 600 MB; Prometheus grows with the number "
            "of series.",
            query('sum by (job) (process_resident_memory_bytes{job=~"prometheus|node"})', "{{job}}"),
            query(f"sum(otelcol_process_memory_rss{{{COLLECTOR}}})", "collector"),
            width=6,
        ),
        timeseries(
            "Duration of a scrape",
            "s",
            "How long each engine takes to tell its metrics. Near 5 s, the limit, it is too busy to answer, and gaps follow.",
            query("max by (job) (scrape_duration_seconds)", "{{job}}"),
            width=6,
        ),
    ]
