"""Dashboard «Service»: is it answering, how fast, and what went wrong."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.boards import alerts
from vitals_dashboards.panels import variables
from vitals_dashboards.panels.layout import dashboard
from vitals_dashboards.panels.panel_kinds import heatmap, logs, query, stat, timeseries
from vitals_dashboards.panels.queries import HTTP, PROCESS, average, occurred, or_zero, quantile, share
from vitals_dashboards.panels.sources import LOGS

COUNT = "http_server_request_duration_seconds_count"
DURATION = "http_server_request_duration_seconds"
ROWS = "ml_inference_batch_size"
ALL = occurred(COUNT, HTTP)


def _answered(pattern: str) -> str:
    return occurred(COUNT, f'{HTTP}, http_response_status_code=~"{pattern}"')


def service() -> dict[str, Any]:
    """The whole dashboard."""
    return dashboard(
        "vitals-service",
        "Requests of the model service, without its health checks. Dots on the latency panels are exemplars: click one for "
        "its trace.",
        variables.of_the_service(),
        [
            ("Now", _now()),
            ("Requests", _requests()),
            ("Latency", _latency()),
            ("Work in progress", _work()),
            ("Logs", _logs()),
        ],
        marks=alerts.firing("service|host|pipeline"),
    )


def _now() -> list[Any]:
    return [
        stat(
            "Requests",
            "reqps",
            "Requests a second. At 0 while clients are sending: see whether the service is up (Pipeline, «Engines»), then "
            "its port.",
            query(ALL),
        ),
        stat(
            "Answered with 2xx",
            "percentunit",
            "The share of requests that were answered as asked. Below 99 %: «Errors» says whether the inputs (4xx) or the "
            "service (5xx) are at fault; the logs below have each one's trace.",
            query(share(_answered("2.."), ALL)),
            warn=0.99,
            bad=0.95,
            decimals=2,
        ),
        stat(
            "P95 latency",
            "s",
            "Nineteen of twenty requests take less. Red, above the 250 ms of the objective: compare with «Inference» on the "
            "Model dashboard; if that is fast, the processor is the bottleneck (Host and process).",
            query(quantile(0.95, DURATION, HTTP)),
            warn=0.1,
            bad=0.25,
        ),
        stat(
            "Failures (5xx)",
            "reqps",
            "Requests that the service failed to answer, a second. Anything above 0 deserves a look at the error logs below.",
            query(or_zero(_answered("5.."), ALL)),
            warn=0.001,
            bad=1,
        ),
        stat(
            "In flight",
            "none",
            "Requests that are being answered now. If it grows without coming down, the model can't keep up: more workers "
            "(SERVICE_WORKERS), or fewer clients.",
            query(f"sum(http_server_active_requests{{{PROCESS}}})"),
            warn=100,
            bad=500,
        ),
        stat(
            "Instances",
            "none",
            "Processes that send telemetry. Fewer than were started: look for the missing one's last words in the error logs.",
            query(f"count(ml_model_info{{{PROCESS}}})"),
        ),
    ]


def _requests() -> list[Any]:
    return [
        timeseries(
            "Request rate by status",
            "reqps",
            "All requests by their answer. A new colour is a new kind of answer: 422 are refused inputs, 503 a full queue, "
            "500 a failure.",
            query(occurred(COUNT, HTTP, "http_response_status_code"), "{{http_response_status_code}}"),
            stacked=True,
        ),
        timeseries(
            "2xx ratio",
            "percentunit",
            "The share of requests that were answered as asked. A dip that matches a dip of the rate is the clients' doing; "
            "a dip alone is the service's or the inputs': see «Errors».",
            query(share(_answered("2.."), ALL), "2xx"),
            share=True,
        ),
        timeseries(
            "Errors, 4xx and 5xx apart",
            "percentunit",
            "4xx: what clients send does not fit the model's schema; see «Refused inputs» for the fields. 5xx: the service "
            "fails; open an error log below and follow its trace.",
            query(share(_answered("4.."), ALL), "4xx: refused"),
            query(share(_answered("5.."), ALL), "5xx: failed"),
        ),
    ]


def _latency() -> list[Any]:
    return [
        timeseries(
            "Latency: P50, P95, P99 and average",
            "s",
            "From a request's arrival to its answer. Click a dot above the lines for the trace of that request. If only P99 "
            "rises, few requests wait: look at batch sizes and at garbage collection (Host and process); if P50 rises too, "
            "everything is slower.",
            query(quantile(0.5, DURATION, HTTP), "P50"),
            query(quantile(0.95, DURATION, HTTP), "P95"),
            query(quantile(0.99, DURATION, HTTP), "P99", exemplars=True),
            query(average(DURATION, HTTP), "average"),
            width=12,
        ),
        heatmap(
            "Latency, all requests",
            "s",
            "Every request in a bucket of its duration. Two bands are two kinds of request: compare «P95 by route».",
            f"sum by (le) (increase({DURATION}_bucket{{{HTTP}}}[$__rate_interval]))",
            exemplars=True,
            width=12,
        ),
        timeseries(
            "P95 by route",
            "s",
            "Which route is slow. Requests to paths that do not exist have no route. A slow /model or /docs next to a slow "
            "/predict means the process as a whole is busy.",
            query(quantile(0.95, DURATION, HTTP, "http_route"), "{{http_route}}", exemplars=True),
            width=12,
        ),
        timeseries(
            "P95 by operation, from spans",
            "s",
            "The same from the spans, the model's batches included: the gap between «POST /predict» and «predict batch» is "
            "waiting and everything around the model.",
            query(
                quantile(0.95, "traces_span_metrics_duration_seconds", f'{HTTP}, span_name!~"GET /health.*"', "span_name"),
                "{{span_name}}",
                exemplars=True,
            ),
            width=12,
        ),
    ]


def _work() -> list[Any]:
    return [
        timeseries(
            "Requests in flight",
            "none",
            "Requests that are being answered. Rising while the rate stays: the model or the processor is slower than before.",
            query(f"sum by (http_request_method) (http_server_active_requests{{{PROCESS}}})", "{{http_request_method}}"),
        ),
        timeseries(
            "Batch size",
            "none",
            "Rows in one call of the model. It grows by itself under load; at BATCH_MAX_SIZE for long, the model is the "
            "bottleneck.",
            query(average(ROWS, PROCESS), "average"),
            query(f"clamp_min({quantile(0.95, ROWS, PROCESS)}, 1)", "P95"),
        ),
        timeseries(
            "Refused for lack of room",
            "reqps",
            "Answers 503: the queue before the model is full (QUEUE_MAX_SIZE). Above 0 the service is overloaded: more "
            "instances, or clients that wait and try again.",
            query(or_zero(_answered("503"), ALL), "503"),
        ),
    ]


def _logs() -> list[Any]:
    return [
        logs(
            "Recent errors",
            "Error logs of the chosen instances, newest first. Open one: `trace_id` leads to its trace in Jaeger and to its "
            "whole story in Kibana. Many of one kind: filter by `exception.type`. None while 5xx are counted: see the "
            "Pipeline dashboard.",
            "severity_number:>=17 AND resource.attributes.service.instance.id:$instance",
            LOGS,
        ),
        logs(
            "Refused inputs",
            "Inputs that the model's schema refused (422): which field, and why; values are never logged. Many of one field "
            "from one moment on: a client has changed.",
            "event_name:ml.validation.failed AND resource.attributes.service.instance.id:$instance",
            LOGS,
        ),
    ]
