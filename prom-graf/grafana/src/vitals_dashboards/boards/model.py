"""Dashboard «Model»: what it predicts, how sure and how right it is, and whether its inputs are still those it was made for."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.boards import alerts, drift, quality
from vitals_dashboards.boards.quality import NOT_CLASSIFICATION
from vitals_dashboards.panels import variables
from vitals_dashboards.panels.layout import dashboard
from vitals_dashboards.panels.panel_kinds import heatmap, query, stat, timeseries
from vitals_dashboards.panels.queries import FLEET, MODEL, average, quantile, rate, share

PREDICTIONS = "ml_predictions_total"
CONFIDENCE = "ml_prediction_confidence"
INFERENCE = "ml_inference_duration_seconds"

ANSWER, SAID = "ml_prediction_class, ml_prediction_bin", "{{ml_prediction_class}}{{ml_prediction_bin}}"
"""What was predicted: a class has the one label, a bin of predicted numbers the other."""

LOW = "0.6"
"""A prediction less sure than this is a low-confidence one, as in Kibana; it is a bucket's bound."""

_BELOW_LOW = rate(f"{CONFIDENCE}_bucket", f'{MODEL}, le="{LOW}"')
_PREDICTED = rate(PREDICTIONS, MODEL)


def model() -> dict[str, Any]:
    """The whole dashboard."""
    return dashboard(
        "vitals-model",
        "What the model predicts, whether its inputs have drifted, and how right it is. Drift and quality are those of the whole "
        "fleet in the window of the rules; with several models chosen, the worst is shown.",
        [*variables.of_the_service(), variables.feature()],
        [
            ("Now", _now()),
            ("Alerts", [_alerts()]),
            ("Drift of the inputs", drift.features()),
            ("Drift of the predictions", drift.predictions()),
            ("Predictions", _predictions()),
            ("Confidence", _confidence()),
            ("Quality", quality.quality()),
            ("Inputs: whole, in range, and those that the model can't take", quality.data()),
            ("Inference", _inference()),
        ],
        marks=alerts.firing("model"),
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
            none=NOT_CLASSIFICATION,
        ),
        stat(
            "Low confidence",
            "percentunit",
            f"The share of predictions below {LOW}. Look at some of them: Kibana's saved search «Low-confidence predictions» "
            "lists them.",
            query(share(_BELOW_LOW, rate(f"{CONFIDENCE}_count", MODEL))),
            decimals=1,
            none=NOT_CLASSIFICATION,
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


def _alerts() -> Any:
    return alerts.alert_states(
        "Alerts of the model",
        f'scope="model", {FLEET}',
        "alertname, ml_model_name, ml_feature_name, kind",
        "{{alertname}} {{ml_model_name}} {{ml_feature_name}} {{kind}}",
    )


def _predictions() -> list[Any]:
    return [
        timeseries(
            "Prediction distribution",
            "percentunit",
            "The share of each class, or of each tenth of the predicted values. A shift without a new version: the inputs have "
            "changed; with one: the models disagree, compare them by the version variable.",
            query(f"{rate(PREDICTIONS, MODEL, ANSWER)} / ignoring ({ANSWER}) group_left () {_PREDICTED}", SAID),
            stacked=True,
            share=True,
            width=12,
        ),
        timeseries(
            "Predictions by class",
            "cps",
            "The same in numbers. A class that is flat at 0 is one that the model no longer predicts, or that no longer comes.",
            query(rate(PREDICTIONS, MODEL, ANSWER), SAID),
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
            none=NOT_CLASSIFICATION,
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
            none=NOT_CLASSIFICATION,
        ),
        timeseries(
            f"Share of predictions below {LOW}",
            "percentunit",
            "Predictions that are close to a guess. A rise: follow some of them from Kibana's «Low-confidence predictions» "
            "to their traces.",
            query(share(_BELOW_LOW, rate(f"{CONFIDENCE}_count", MODEL)), f"below {LOW}"),
            width=6,
            none=NOT_CLASSIFICATION,
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
