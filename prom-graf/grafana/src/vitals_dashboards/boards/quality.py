"""Rows of the dashboard «Model»: is it right, as far as labels say and without them; and are its inputs whole."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.panels.panel_kinds import logs, query, stat, timeseries
from vitals_dashboards.panels.queries import FLEET, HTTP, MODEL, counted, occurred, or_zero, rate, worst
from vitals_dashboards.panels.sources import LOGS
from vitals_dashboards.panels.tables import matrix

NO_LABELS = "No labels in the window: send them to /labels."
NOT_REGRESSION = "Only models that predict numbers have an absolute error."
NOT_CLASSIFICATION = "Only models that predict classes have this."

LABELS = "ml_labels_total"
REQUESTS = "http_server_request_duration_seconds_count"


def _on_the_reference(measure: str) -> str:
    return f'max(ml_reference_quality{{{MODEL}, ml_quality_measure="{measure}"}})'


def quality() -> list[Any]:
    """Accuracy from labels, the estimate without them, and the error of regression models."""
    return [
        stat(
            "Accuracy, from labels",
            "percentunit",
            "How many of the labelled predictions were right, in the window of the rules. Compare with the reference's in the "
            "graph below; far lower with many labels: docs/runbooks/ConceptDrift.md.",
            query(f"min(vitals:accuracy:labelled{{{FLEET}}})"),
            decimals=1,
            none=NO_LABELS,
        ),
        stat(
            "Accuracy, estimated",
            "percentunit",
            "What the calibrated confidence of all predictions promises, without any label. It sees inputs that the model finds "
            "hard, and not a world whose answers have changed: only labels do.",
            query(f"min(vitals:accuracy:estimated{{{FLEET}}})"),
            decimals=1,
            none=NOT_CLASSIFICATION,
        ),
        stat(
            "Gap",
            "percentunit",
            "What the model promised for the labelled predictions, less what it kept. Orange: it is surer than it is right; red: "
            "what it learned no longer holds.",
            query(f"max(vitals:accuracy:gap{{{FLEET}}})"),
            warn=0.05,
            bad=0.15,
            decimals=1,
            none=NO_LABELS,
        ),
        stat(
            "Absolute error",
            "none",
            "The mean absolute error from labels, in the unit of what is predicted. Compare with the reference's in the graph "
            "below.",
            query(worst("vitals:absolute_error:mean", FLEET)),
            none=NOT_REGRESSION,
        ),
        stat(
            "Labels in the window",
            "none",
            "Labels that the accuracy is made of. Fewer than some dozens: one wrong prediction moves it by percents.",
            query(f"sum(vitals:labels:rows{{{FLEET}}})"),
            decimals=0,
            none=NO_LABELS,
        ),
        stat(
            "Labels refused",
            "cps",
            "Labels that could not be taken, a second. Above 0: «Labels refused, by reason» says why.",
            query(rate("ml_label_refusals_total", MODEL)),
            warn=0.001,
            bad=1,
        ),
        timeseries(
            "Accuracy: from labels, and estimated",
            "percentunit",
            "The first four together: well. From labels alone falls: what is right has changed (concept drift). The estimate "
            "falls too: the inputs have become harder, see the drift above. The estimate of the labelled differs from that of "
            "all: labels come for some kinds of rows only.",
            query(f"min(vitals:accuracy:labelled{{{FLEET}}})", "from labels"),
            query(f"min(vitals:accuracy:estimated{{{FLEET}}})", "estimated, all predictions"),
            query(f"min(vitals:accuracy:estimated_of_labelled{{{FLEET}}})", "estimated, those with labels"),
            query(_on_the_reference("accuracy"), "on the reference"),
            query(f"max(vitals:accuracy:labelled_limit{{{FLEET}}})", "alert below"),
            share=True,
            signed=True,  # not from 0: some hundredths are much
            limit="alert below",
            width=12,
            none=NOT_CLASSIFICATION,
        ),
        timeseries(
            "Gap between promise and labels",
            "percentunit",
            "Above 0 the model is surer than it is right, below it is better than it promised. Far above 0 and rising: train "
            "anew, with recent labels.",
            query(f"max by (ml_model_name, ml_model_version) (vitals:accuracy:gap{{{FLEET}}})", "{{ml_model_name}}"),
            signed=True,
            width=6,
            none=NO_LABELS,
        ),
        timeseries(
            "Absolute error, from labels",
            "none",
            "The mean over the labelled predictions, against the reference's. Above it for long: what is right has changed, or "
            "the inputs have.",
            query(worst("vitals:absolute_error:mean", FLEET, "ml_model_name"), "{{ml_model_name}}"),
            query(_on_the_reference("mean_absolute_error"), "on the reference"),
            query(f"min(vitals:absolute_error:limit{{{FLEET}}})", "alert above"),
            limit="alert above",
            width=6,
            none=NOT_REGRESSION,
        ),
        matrix(
            "Confusion matrix",
            "Labelled predictions of the time range: a row for each true class, a column for each predicted one. Off the "
            "diagonal: which classes the model takes for which; a new heavy cell is a class that has changed.",
            counted(LABELS, f'{MODEL}, ml_label_class!=""', "ml_label_class, ml_prediction_class"),
            row="ml_label_class",
            column="ml_prediction_class",
            none="No labels of classes in the time range.",
        ),
        timeseries(
            "Labels taken",
            "cps",
            "Labels a second: right and wrong predictions by what the label said; for a model that predicts numbers all "
            "together. At 0 for long, the accuracy is that of the past.",
            query(rate(LABELS, f'{MODEL}, ml_label_correct="true"'), "right"),
            query(rate(LABELS, f'{MODEL}, ml_label_correct="false"'), "wrong"),
            query(rate(LABELS, f'{MODEL}, ml_label_correct=""'), "of numbers"),
            none=NO_LABELS,
        ),
        timeseries(
            "Labels refused, by reason",
            "cps",
            "Malformed, forged: not an id that this service gave out, or its key has changed (PREDICTION_KEY_FILE). Expired: "
            "older than LABELS_MAX_AGE. Repeated: labelled before. Unknown version or class: of another model.",
            query(rate("ml_label_refusals_total", MODEL, "ml_label_refusal_reason"), "{{ml_label_refusal_reason}}"),
        ),
    ]


def data() -> list[Any]:
    """Whether inputs are whole, and what of them the model refused."""
    failures = "vitals:validation_failures:rate"
    asked = occurred(REQUESTS, f'{HTTP}, http_request_method="POST", http_route=~"/predict|/v2/.*"')
    failed = occurred(
        REQUESTS, f'{HTTP}, http_request_method="POST", http_route=~"/predict|/v2/.*", http_response_status_code=~"5.."'
    )
    refused = occurred(
        REQUESTS, f'{HTTP}, http_request_method="POST", http_route=~"/predict|/v2/.*", http_response_status_code=~"4.."'
    )
    return [
        timeseries(
            "Missing values",
            "percentunit",
            "The share of rows that lack the feature, and that the model answers all the same. More than before: a source "
            "upstream has failed; docs/runbooks/DataQuality.md.",
            query(worst("vitals:feature_missing:share", FLEET, "ml_feature_name"), "{{ml_feature_name}}"),
        ),
        timeseries(
            "Out of the reference's range",
            "percentunit",
            "The share of rows below the smallest or above the largest value of the reference, where the model only guesses. A "
            "jump: a unit has changed, or a sensor is broken.",
            query(worst("vitals:feature_out_of_range:share", FLEET, "ml_feature_name"), "{{ml_feature_name}}"),
        ),
        timeseries(
            "Unseen categories",
            "percentunit",
            "The share of rows with a category that the reference did not have. From one moment on: a new product, a new "
            "spelling, or an encoding that changed.",
            query(worst("vitals:feature_unseen:share", FLEET, "ml_feature_name"), "{{ml_feature_name}}"),
            none="None of this model's features is a category.",
        ),
        timeseries(
            "Validation failures by reason",
            "cps",
            "What was wrong with refused inputs, a second. `type` or `unknown_feature` from one moment on: a client has changed; "
            "`too_large`, `too_many_rows`: one that sends all at once.",
            query(f"sum by (ml_validation_reason) ({failures}{{{FLEET}}})", "{{ml_validation_reason}}"),
        ),
        timeseries(
            "Validation failures by field",
            "cps",
            "The same by the field at fault; (body) is the request as a whole, (unknown) a name that the model does not have.",
            query(f"sum by (ml_feature_name) ({failures}{{{FLEET}}})", "{{ml_feature_name}}"),
        ),
        timeseries(
            "Refused and failed predictions",
            "reqps",
            "Refused (4xx): the input does not fit the schema. Failed (5xx): the model raised on an input that does; its "
            "traceback is in the logs.",
            query(or_zero(refused, asked), "refused"),
            query(or_zero(failed, asked), "failed"),
        ),
        logs(
            "Refused inputs",
            "Which fields, and why; values are never logged. One field from one moment on: a client has changed what it sends.",
            "event_name:ml.validation.failed AND resource.attributes.service.instance.id:$instance",
            LOGS,
        ),
    ]
