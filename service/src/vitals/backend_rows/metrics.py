"""The backends of metrics."""

from __future__ import annotations

from vitals.backend_rows.everywhere import NONE, VALIDATED_ONLY, migration, otlp
from vitals.backend_rows.row import Backend, Notes, Option

METRICS: dict[str, Backend] = {
    "prometheus": Backend(
        "Prometheus (part of the stack)",
        Notes("the default: pushed over OTLP, with exemplars", "", "run, every `make test`"),
        queue="otlp_http/prometheus",
        places=("prometheus",),
    ),
    "prometheus-remote-write": Backend(
        "Prometheus (part of the stack)",
        Notes(
            "a Prometheus that others reach by remote write only",
            "the same series and exemplars",
            "run (series, exemplars, swap under load)",
        ),
        queue="otlp_http/prometheus_remote_write",
        places=("prometheus",),
        options=(
            Option(
                "COLLECTOR_REMOTE_WRITE_PORT", 14320, "The Collector to itself, with METRICS_BACKEND=prometheus-remote-write."
            ),
        ),
    ),
    "prometheus-scrape": Backend(
        "Prometheus (part of the stack)",
        Notes(
            "where only pulling is allowed",
            "no queue: what nobody scrapes is overwritten. Counters lose nothing by it; gauges and exemplars of that time are "
            "gone. An exemplar is there for the one second until the next metrics come, so Prometheus scrapes every second",
            "run (series, exemplars, exact counters over the swap)",
        ),
        places=("prometheus",),
        overlay="prometheus-scrape",
        options=(
            Option("COLLECTOR_SCRAPE_PORT", 8889, "Where the Collector is scraped, with METRICS_BACKEND=prometheus-scrape."),
        ),
    ),
    "victoriametrics": Backend(
        "VictoriaMetrics at VICTORIAMETRICS_URL",
        Notes(
            "long retention on little disk, old versions too (remote write)",
            "no exemplars: no way from a panel to a trace. The overlay's VictoriaMetrics scrapes the engines itself, "
            "and vmalert evaluates the same rules",
            "run (series, queue while it was away). Overlay: validated only",
        ),
        queue="otlp_http/victoriametrics",
        unread="VictoriaMetrics keeps no exemplars",
        overlay="victoriametrics",
        options=(
            Option("COLLECTOR_VICTORIAMETRICS_PORT", 14321, "The Collector to itself, with METRICS_BACKEND=victoriametrics."),
            Option(
                "VICTORIAMETRICS_URL",
                "http://127.0.0.1:8428",
                "VictoriaMetrics, with METRICS_BACKEND=victoriametrics.",
                in_compose="http://victoriametrics:8428",
            ),
        ),
        overlay_options=(
            Option(
                "VICTORIAMETRICS_IMAGE",
                "victoriametrics/victoria-metrics:v1.151.0",
                "VictoriaMetrics's image (overlays/victoriametrics.yaml).",
            ),
            Option("VMALERT_IMAGE", "victoriametrics/vmalert:v1.151.0", "vmalert's image; of VictoriaMetrics's version."),
            Option("VICTORIAMETRICS_PORT", 8428, "VictoriaMetrics."),
        ),
    ),
    "mimir": Backend(
        "Mimir at MIMIR_URL",
        Notes(
            "several tenants, object storage",
            "exemplars kept; its limits (429) are heeded. `vitals trace` does not ask it. "
            "The engines' own metrics (the Pipeline dashboard) stay in Prometheus",
            VALIDATED_ONLY,
        ),
        queue="otlp_http/mimir",
        unread="`vitals trace` does not ask Mimir; Grafana does",
        overlay="mimir",
        options=(
            Option("MIMIR_URL", "http://127.0.0.1:9009", "Mimir, with METRICS_BACKEND=mimir.", in_compose="http://mimir:9009"),
            Option("MIMIR_TENANT", "anonymous", "Whose metrics they are, for a Mimir with several tenants."),
        ),
        overlay_options=(
            Option("MIMIR_IMAGE", "grafana/mimir:2.17.0", "Mimir's image (overlays/mimir.yaml)."),
            Option("MIMIR_PORT", 9009, "Mimir."),
        ),
    ),
    "otlp": otlp("metrics"),
    "none": NONE,
}

METRICS_TOGETHER: dict[str, Notes] = {
    "prometheus+victoriametrics": migration("run, with one of them down"),
}
