"""Dashboard «Model»: what it predicts, how sure it is, how long it takes, and which one it is."""

from __future__ import annotations

from typing import Any

from vitals_dashboards import variables
from vitals_dashboards.layout import dashboard
from vitals_dashboards.panels import heatmap, logs, query, stat, timeseries
from vitals_dashboards.queries import HTTP, MODEL, average, occurred, or_zero, quantile, rate, share
from vitals_dashboards.sources import LOGS

PREDICTIONS = "ml_predictions_total"
CONFIDENCE = "ml_prediction_confidence"
INFERENCE = "ml_inference_duration_seconds"
REQUESTS = "http_server_request_duration_seconds_count"

LOW = "0.6"
"""A prediction less sure than this is a low-confidence one, as in Kibana; it is a bucket's bound."""

_BELOW_LOW = rate(f"{CONFIDENCE}_bucket", f'{MODEL}, le="{LOW}"')
_PREDICTED = rate(PREDICTIONS, MODEL)
_ASKED = occurred(REQUESTS, f'{HTTP}, http_route="/predict"')


def model() -> dict[str, Any]:
    """The whole dashboard."""
    return dashboard(
        "vitals-model",
        "What the model predicts and how sure it is. Compare with the same hours of a week ago by the time range.",
        variables.of_the_service(),
        # Drift and quality get rows of their own between «Confidence» and «Inference».
        [
            ("Now", _now()),
            ("Predictions", _predictions()),
            ("Confidence", _confidence()),
            ("Inference", _inference()),
            ("Inputs that the model can't take", _refused()),
        ],
    )


def _now() -> list[Any]:
    return [
        stat(
            "Model in use",
            "none",
            "Name and version: the version is the beginning of the artefact's hash. Not the one that was deployed: the "
            "service was not restarted, or MODEL_DIR names another folder.",
            query(
                f"max by (ml_model_name, ml_model_version) (ml_model_info{{{MODEL}}})", "{{ml_model_name}} {{ml_model_version}}"
            ),
            name=True,
            graph=False,
            width=8,
        ),
        stat(
            "Predictions",
            "cps",
            "Predictions a second. At 0 while requests come in: all of them are refused or fail, see the Service dashboard.",
            query(_PREDICTED),
        ),
        stat(
            "Average confidence",
            "percentunit",
            "The mean of the predicted class's probability. A fall without a new version means that the inputs have changed.",
            query(average(CONFIDENCE, MODEL)),
            decimals=1,
        ),
        stat(
            "Low confidence",
            "percentunit",
            f"The share of predictions below {LOW}. Look at some of them: Kibana's saved search «Low-confidence predictions» "
            "lists them.",
            query(share(_BELOW_LOW, rate(f"{CONFIDENCE}_count", MODEL))),
            decimals=1,
        ),
        stat(
            "P95 inference",
            "s",
            "One call of the model, however many rows. Red: a larger model, or a processor that others use (Host and process).",
            query(quantile(0.95, INFERENCE, MODEL)),
            warn=0.05,
            bad=0.25,
        ),
    ]


def _predictions() -> list[Any]:
    return [
        timeseries(
            "Prediction distribution",
            "percentunit",
            "Each class's share of the predictions. A shift without a new version: the inputs have changed; with one: the models "
            "disagree, compare them by the version variable.",
            query(
                f"{rate(PREDICTIONS, MODEL, 'ml_prediction_class')} / ignoring (ml_prediction_class) group_left () {_PREDICTED}",
                "{{ml_prediction_class}}",
            ),
            stacked=True,
            share=True,
            width=12,
        ),
        timeseries(
            "Predictions by class",
            "cps",
            "The same in numbers. A class that is flat at 0 is one that the model no longer predicts, or that no longer comes.",
            query(rate(PREDICTIONS, MODEL, "ml_prediction_class"), "{{ml_prediction_class}}"),
            width=6,
        ),
        timeseries(
            "Instances by version",
            "none",
            "How many processes serve which version. Two versions for longer than a roll-out takes: an instance was not "
            "restarted.",
            query(
                f"count by (ml_model_name, ml_model_version) (ml_model_info{{{MODEL}}})", "{{ml_model_name}} {{ml_model_version}}"
            ),
            stacked=True,
            width=6,
        ),
    ]


def _confidence() -> list[Any]:
    return [
        heatmap(
            "Confidence, all predictions",
            "percentunit",
            "How sure the model is, over time. A band that moves down is a model that meets inputs it was not trained on.",
            f"sum by (le) (increase({CONFIDENCE}_bucket{{{MODEL}}}[$__rate_interval]))",
            width=12,
        ),
        timeseries(
            "Confidence: average and lowest tenth",
            "percentunit",
            "P10: nine of ten predictions are surer. If it falls while the average stays, a part of the inputs is new to the "
            "model.",
            query(average(CONFIDENCE, MODEL), "average"),
            query(quantile(0.5, CONFIDENCE, MODEL), "P50"),
            query(quantile(0.1, CONFIDENCE, MODEL), "P10"),
            share=True,
            width=6,
        ),
        timeseries(
            f"Share of predictions below {LOW}",
            "percentunit",
            "Predictions that are close to a guess. A rise: follow some of them from Kibana's «Low-confidence predictions» "
            "to their traces.",
            query(share(_BELOW_LOW, rate(f"{CONFIDENCE}_count", MODEL)), f"below {LOW}"),
            width=6,
        ),
    ]


def _inference() -> list[Any]:
    return [
        timeseries(
            "Inference: P50, P95, P99",
            "s",
            "One call of the model. Dots are exemplars: click one for the trace of a request that this call served. Slower "
            "for the same batch size: the processor is shared, or the model has grown.",
            query(quantile(0.5, INFERENCE, MODEL), "P50"),
            query(quantile(0.95, INFERENCE, MODEL), "P95"),
            query(quantile(0.99, INFERENCE, MODEL), "P99", exemplars=True),
            width=12,
        ),
        timeseries(
            "Rows in one call",
            "none",
            "Batches grow with the load; that is cheaper than it looks, since a call for 100 rows takes little longer than "
            "one for one.",
            query(average("ml_inference_batch_size", MODEL), "average"),
            query(f"clamp_min({quantile(0.99, 'ml_inference_batch_size', MODEL)}, 1)", "P99"),
            width=6,
        ),
        timeseries(
            "Time in the model",
            "percentunit",
            "The share of the time that the model computes, by instance. Near 1 the model is the bottleneck: more workers, "
            "or a smaller model.",
            query(rate(f"{INFERENCE}_sum", MODEL, "instance"), "{{instance}}"),
            width=6,
        ),
    ]


def _refused() -> list[Any]:
    failed = occurred(REQUESTS, f'{HTTP}, http_route="/predict", http_response_status_code=~"5.."')
    refused = occurred(REQUESTS, f'{HTTP}, http_route="/predict", http_response_status_code="422"')
    return [
        timeseries(
            "Refused and failed predictions",
            "reqps",
            "Refused (422): the input does not fit the schema. Failed (5xx): the model raised on an input that does; its "
            "traceback is in the logs.",
            query(or_zero(refused, _ASKED), "refused"),
            query(or_zero(failed, _ASKED), "failed"),
            width=8,
        ),
        logs(
            "Refused inputs",
            "Which fields, and why; values are never logged. One field from one moment on: a client has changed what it sends.",
            "event_name:ml.validation.failed AND resource.attributes.service.instance.id:$instance",
            LOGS,
            width=16,
        ),
    ]
