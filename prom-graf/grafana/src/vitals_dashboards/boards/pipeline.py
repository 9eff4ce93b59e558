"""Dashboard «Pipeline»: does telemetry arrive, and is any of it lost on its way."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.boards import alerts, freshness, stores
from vitals_dashboards.panels import variables
from vitals_dashboards.panels.layout import dashboard
from vitals_dashboards.panels.panel_kinds import logs, newest_document, query, stat, timeseries
from vitals_dashboards.panels.queries import COLLECTOR, PROCESS, SIGNALS, average, occurred, or_zero, rate
from vitals_dashboards.panels.sources import LOGS, TRACES

QUEUE = f"otelcol_exporter_queue_size{{{COLLECTOR}}}"
OURS = "resource.attributes.service.instance.id:$instance"
CAPACITY = f"otelcol_exporter_queue_capacity{{{COLLECTOR}}}"


def pipeline() -> dict[str, Any]:
    """The whole dashboard."""
    return dashboard(
        "vitals-pipeline",
        "From the service's SDK through the Collector's queues to the stores. What is queued is on disk and arrives later; "
        "what is dropped or failed is lost, and is counted here.",
        [*variables.of_the_service(), variables.collector()],
        [
            ("Now", _now()),
            ("Freshness", freshness.freshness()),
            ("Through the Collector", _flow()),
            ("Queues on disk", _queues()),
            ("The service's SDK", _sdk()),
            ("Stores", stores.stores()),
            ("Engines", stores.engines()),
            ("Alerts", _alerts()),
        ],
    )


def _per_signal(metric: str) -> list[Any]:
    """One query a signal: the three have the same labels."""
    return [query(rate(f"otelcol_{metric}_{items}", COLLECTOR), signal) for signal, items in SIGNALS.items()]


def _per_backend(metric: str) -> list[Any]:
    return [
        query(rate(f"otelcol_exporter_{metric}_{items}", COLLECTOR, "exporter"), "{{exporter}}") for items in SIGNALS.values()
    ]


def _not_taken() -> list[Any]:
    """Refused by a full queue, or for good by the backend: by exporter, 0 until there are any."""
    queries = []
    for items in SIGNALS.values():
        sent = rate(f"otelcol_exporter_sent_{items}", COLLECTOR, "exporter")
        for kind, said in (("send_failed", "refused for good"), ("enqueue_failed", "queue full")):
            failed = occurred(f"otelcol_exporter_{kind}_{items}", COLLECTOR, "exporter")
            queries.append(query(or_zero(failed, sent), f"{{{{exporter}}}}: {said}"))
    return queries


def _bounded() -> list[Any]:
    """By signal, 0 until there is any."""
    filters = {"metric_points": ("datapoints", "filter/(bounds|prometheus.*)"), "spans": ("spans", "filter/cut")}
    queries = []
    for items, (which, name) in {**filters, "log_records": ("logs", "filter/cut")}.items():
        some = occurred(f"otelcol_processor_filter_{which}_filtered", f'{COLLECTOR}, filter=~"{name}"')
        said = f"{which}: {'cut' if name == 'filter/cut' else 'dropped'}"
        queries.append(query(or_zero(some, rate(f"otelcol_receiver_accepted_{items}", COLLECTOR)), said))
    return queries


def _now() -> list[Any]:
    return [
        stat(
            "Engines down",
            "none",
            "Engines that Prometheus can't reach. `vitals status` says which; its last words are in the logs' folder below "
            "VITALS_STATE_DIR.",
            query("count(up == 0) or 0 * count(up)"),
            warn=0.5,
            bad=1,
        ),
        stat(
            "Fullest queue",
            "percentunit",
            "Above 0 for long, a backend does not take what it is sent; at 100 % the newest data are dropped. Find the "
            "backend in «Queue fill», then its row below.",
            query(f"max({QUEUE} / {CAPACITY})"),
            warn=0.1,
            bad=0.8,
            decimals=2,
        ),
        stat(
            "Age of the metrics",
            "s",
            "How old the newest metrics of the chosen instances are. They are sent every second: above 5 s the service, the "
            "Collector, or its queue to Prometheus is late. Empty: nothing came for five minutes.",
            query(f"time() - min(timestamp(ml_model_info{{{PROCESS}}}))"),
            warn=5,
            bad=30,
        ),
        stat(
            "Newest log",
            "dateTimeFromNow",
            "When the newest log of the chosen instances was written that Elasticsearch has. Long ago while requests are "
            "answered: see «Queue fill» for elasticsearch/logs, then Elasticsearch's own log.",
            newest_document(OURS, LOGS),
            graph=False,
            source=LOGS,
        ),
        stat(
            "Newest span",
            "dateTimeFromNow",
            "When the newest span of the chosen instances began that Elasticsearch has. Long ago while requests are "
            "answered: see «Queue fill» for elasticsearch/traces.",
            newest_document(OURS, TRACES),
            graph=False,
            source=TRACES,
        ),
        stat(
            "Collector's memory",
            "bytes",
            "Resident. Above 512 MiB it refuses what it is sent, and senders try again: a backend is too slow, or the load "
            "too high.",
            query(f"sum(otelcol_process_memory_rss{{{COLLECTOR}}})"),
            warn=400e6,
            bad=512e6,
        ),
    ]


def _flow() -> list[Any]:
    return [
        timeseries(
            "Received, by signal",
            "cps",
            "Spans, data points and log records that the Collector took in, a second. One signal at 0: the service does not "
            "send it (OTEL_…_EXPORTER), or can't reach the Collector.",
            *_per_signal("receiver_accepted"),
        ),
        timeseries(
            "Sent, by backend",
            "cps",
            "What each backend has taken. Lower than received: the rest is in its queue. Spans go to two backends, so are "
            "counted twice.",
            *_per_backend("sent"),
        ),
        timeseries(
            "Not taken for a backend",
            "cps",
            "Should be 0. Queue full: other backends have it; a service of ours has dropped it («Lost in the service»), another "
            "sender repeats it, so one item may count several times. Refused for good: lost; the Collector's log says why.",
            *_not_taken(),
        ),
        timeseries(
            "Dropped and cut by the bounds",
            "cps",
            "Should be 0. Dropped: samples with a wrong clock, of an instrument with too many series, or of a kind that "
            "Prometheus does not store. Cut: too large spans and logs are stored in part; see TelemetryDropped's runbook.",
            *_bounded(),
        ),
        timeseries(
            "Refused and failed at the entrance",
            "cps",
            "Refused: the Collector is short of memory, or a backend's queue is full; the sender keeps it and tries again, "
            "so it is late and not lost yet. Above 0 for long: find the slow backend in «Queue fill». Failed: the "
            "Collector's log says why.",
            *[
                query(rate(f"otelcol_receiver_refused_{items}", COLLECTOR), f"{signal} refused")
                for signal, items in SIGNALS.items()
            ],
            *[
                query(rate(f"otelcol_receiver_failed_{items}", COLLECTOR), f"{signal} failed")
                for signal, items in SIGNALS.items()
            ],
        ),
        timeseries(
            "Host metrics that could not be read",
            "cps",
            "Data points that the Collector's scraper of the host failed to read. Above 0: its log says which file it may "
            "not read; in a container its network and file systems are its own.",
            query(rate("otelcol_scraper_errored_metric_points", COLLECTOR, "receiver"), "{{receiver}}"),
        ),
        timeseries(
            "Documents in Elasticsearch's answers",
            "cps",
            "Documents by what Elasticsearch said of them. Anything but success is tried again or, if it can't be stored, "
            "lost: the Collector's log has Elasticsearch's reason.",
            query(rate("otelcol_elasticsearch_docs_processed", COLLECTOR, "outcome"), "{{outcome}}"),
        ),
    ]


def _queues() -> list[Any]:
    return [
        timeseries(
            "Queue fill",
            "percentunit",
            "How full each backend's queue on disk is. Rising: the backend is away or too slow. It empties by itself once it "
            "is back; at 1 the newest data are dropped, so shorten the outage or raise QUEUE_BYTES.",
            query(f"max by (exporter) ({QUEUE} / {CAPACITY})", "{{exporter}}"),
            width=12,
        ),
        timeseries(
            "Queued",
            "bytes",
            "The same in bytes on disk: some kilobytes are batches on their way.",
            query(f"sum by (exporter) ({QUEUE})", "{{exporter}}"),
            width=6,
        ),
        timeseries(
            "Requests under way",
            "none",
            "Requests to a backend that wait for its answer. At the number of consumers (4; 1 for metrics) for long: the "
            "backend is slow.",
            query(f"sum by (exporter) (otelcol_exporter_in_flight_requests{{{COLLECTOR}}})", "{{exporter}}"),
            width=6,
        ),
    ]


def _sdk() -> list[Any]:
    def processed(signal: str, labels: str) -> str:
        return occurred(f"otel_sdk_processor_{signal}_processed_total", f"{PROCESS}{labels}")

    def exported(signal: str, labels: str) -> str:
        return occurred(f"otel_sdk_exporter_{signal}_exported_total", f"{PROCESS}{labels}")

    return [
        timeseries(
            "Made and exported",
            "cps",
            "Spans and log records that the service made, and those that left it. Exported below made for long: the "
            "Collector is away.",
            query(processed("span", ""), "spans made"),
            query(exported("span", ', error_type=""'), "spans exported"),
            query(processed("log", ""), "logs made"),
            query(exported("log", ', error_type=""'), "logs exported"),
            width=6,
        ),
        timeseries(
            "Lost in the service",
            "cps",
            "By the SDK's queue, or on the way to the Collector: the service's buffer was full (TELEMETRY_BUFFER_BYTES), or a "
            "backend's queue in the Collector, or the answer was no. Should be 0; error_type has the reason.",
            query(or_zero(processed("span", ', error_type!=""'), processed("span", "")), "spans: queue full"),
            query(or_zero(exported("span", ', error_type!=""'), processed("span", "")), "spans: on the way"),
            query(or_zero(processed("log", ', error_type!=""'), processed("log", "")), "logs: queue full"),
            query(or_zero(exported("log", ', error_type!=""'), processed("log", "")), "logs: on the way"),
            width=6,
        ),
        timeseries(
            "Waiting in the service",
            "none",
            "Items in the service's memory: what its batches gather, and what the Collector has not taken yet. A few dozen; more "
            "means that the Collector is away or slow. Lost if the process is killed.",
            *(
                query(
                    f"sum(otel_sdk_processor_{signal}_queue_size{{{PROCESS}}})"
                    f" + sum(otel_sdk_exporter_{signal}_inflight{{{PROCESS}}})",
                    f"{signal}s",
                )
                for signal in ("span", "log")
            ),
            width=6,
        ),
        timeseries(
            "Duration of an export",
            "s",
            "How long the Collector takes to answer the service, on average. Requests do not wait for it; seconds mean that the "
            "Collector is short of memory or processor.",
            query(
                average("otel_sdk_exporter_operation_duration_seconds", PROCESS, "otel_component_type"),
                "{{otel_component_type}}",
            ),
            width=6,
        ),
    ]


def _alerts() -> list[Any]:
    return [
        alerts.alert_states(
            "Alerts of the pipeline and of the host",
            'scope=~"pipeline|host"',
            "alertname, job, exporter, where, signal",
            "{{alertname}} {{job}} {{exporter}} {{where}} {{signal}}",
        ),
        logs(
            "History of all alerts",
            "Each alert when it began to fire and when it was resolved, as Alertmanager told it; opened, it has its description "
            "and its runbook. None although something fires: Alertmanager can't reach the Collector, see its log.",
            "event_name:alert",
            LOGS,
        ),
    ]
