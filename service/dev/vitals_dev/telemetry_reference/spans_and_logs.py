"""Every span, span event and log record."""

from __future__ import annotations

from vitals_dev.telemetry_reference.entries import Record, Span
from vitals_dev.telemetry_reference.metrics import MODEL

_EXCEPTION = ("exception.type", "exception.message", "exception.stacktrace")
_PREDICTION = ("ml.prediction.id", "ml.prediction.class", "ml.prediction.value", "ml.prediction.confidence")
_UID = "log.record.uid"
_OF_REQUEST = (
    *("http.request.method", "http.request.method_original", "http.route", "http.response.status_code", "error.type"),
    *("url.scheme", "url.path", "url.query", "server.address", "server.port", "network.protocol.version"),
    *("client.address", "client.port", "user_agent.original", "user_agent.synthetic.type"),
)
_OF_PREDICTION = (*MODEL, "ml.model.runtime", *_PREDICTION)

SPANS = (
    Span(
        *("{method} {route}", "SERVER", _OF_REQUEST),
        "One for each HTTP request, under the caller's trace where it sends `traceparent`. The name is the method alone where no "
        "route matches, and begins with `HTTP` for a method that HTTP does not define. Status ERROR for 5xx.",
    ),
    Span(
        *("POST /predict", "SERVER", (*_OF_REQUEST, *_OF_PREDICTION)),
        "A request for predictions. The `ml.*` attributes are there once the model has answered; several rows are arrays.",
    ),
    Span(
        *("POST /v2/models/{model_name}/infer", "SERVER", (*_OF_REQUEST, *_OF_PREDICTION)),
        "The same over the V2 protocol, and with `/versions/{model_version}` in the route.",
    ),
    Span(
        *("predict batch", "INTERNAL", (*MODEL, "ml.model.runtime", "ml.inference.batch.size")),
        "One call of the model, with a link to each request that it serves. Its parent is the first sampled one of them. "
        "Status ERROR where the model raised.",
    ),
)

SPAN_EVENTS = (
    Record(
        *("exception", "", (*_EXCEPTION, "exception.escaped")),
        "An exception that the route or the model raised.",
    ),
)

LOGS = (
    Record(
        *("ml.prediction", "INFO"),
        (*MODEL, *_PREDICTION, "ml.prediction.features", "ml.prediction.features_omitted", _UID),
        "Each request that the model answered.",
    ),
    Record(
        *("ml.validation.failed", "WARN", (*MODEL, "ml.validation.fields", "ml.validation.reasons", _UID)),
        "Each request whose input was refused: names and reasons, never values.",
    ),
    Record(
        "ml.label",
        "INFO",
        (
            *(*MODEL, "ml.prediction.id", "ml.label.value", "ml.prediction.class", "ml.prediction.value"),
            *("ml.label.correct", _UID),
        ),
        "Each accepted label.",
    ),
    Record("vitals.canary", "INFO", (_UID,), "Each request to `/health/canary`."),
    Record(
        *("", "as logged", ("http.response.status_code", *_EXCEPTION, _UID)),
        "Everything that the service and its libraries log through `logging`, from `LOG_LEVEL` on, with the attributes given in "
        "`extra`. An answer 4xx is a WARN, an answer 5xx an ERROR with the traceback.",
    ),
    Record(
        "alert",
        "WARN, ERROR, INFO",
        (
            *("alert.name", "alert.status", "alert.severity", "alert.scope", "alert.fingerprint", "alert.receiver"),
            *("alert.starts_at", "alert.ends_at", "alert.runbook_url", "alert.description", "alert.labels"),
            *(*MODEL, "ml.feature.name", _UID),
        ),
        "Each alert that fires or ends, told by Alertmanager. ERROR for critical, INFO for severity info and for an end.",
        source="Collector",
    ),
)
