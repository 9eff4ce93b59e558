"""Every metric: name, kind, unit, attributes, and what its value says."""

from __future__ import annotations

from vitals_dev.telemetry_reference.entries import Metric

MODEL = ("ml.model.name", "ml.model.version")
_CLASSIFICATION, _REGRESSION = "a classifier", "a regression model"
_HTTP = (
    *("http.request.method", "url.scheme", "network.protocol.version"),
    *("http.route", "http.response.status_code", "error.type"),
)
_FEATURE = (*MODEL, "ml.feature.name")
_BIN = (*_FEATURE, "ml.feature.bin", "ml.drift.bin")
_PREDICTED = (*MODEL, "ml.prediction.class", "ml.prediction.bin", "ml.drift.bin")
_EXPORTER = ("otel.component.type", "otel.component.name", "server.address", "server.port")
_PROCESSOR = ("otel.component.type", "otel.component.name")

REQUESTS = (
    Metric("http.server.request.duration", "histogram", "s", _HTTP, "Time from the request to the end of its answer."),
    Metric("http.server.request.body.size", "histogram", "By", _HTTP, "Size of each request body, where the client states it."),
    Metric("http.server.response.body.size", "histogram", "By", _HTTP, "Size of each answer's body, where its header states it."),
    Metric(
        *("http.server.active_requests", "up-down counter", "{request}", ("http.request.method", "url.scheme")),
        "Requests being served now.",
    ),
)

MODELS = (
    Metric("ml.model.info", "gauge", "", (*MODEL, "ml.model.task"), "The model in use; always 1."),
    Metric("ml.inference.duration", "histogram", "s", MODEL, "Duration of one call of the model, for all rows of its batch."),
    Metric("ml.inference.batch.size", "histogram", "{row}", MODEL, "Rows in one call of the model."),
    Metric("ml.predictions", "counter", "{prediction}", _PREDICTED, "Answered rows, by predicted class or bin of the number."),
    Metric(
        *("ml.prediction.confidence", "histogram", "1", MODEL, "Probability of the predicted class, of each answered row."),
        needs=_CLASSIFICATION,
    ),
    Metric(
        *("ml.prediction.expected_correct", "counter", "", MODEL),
        "Sum of calibrated confidences: how many of the answers should be right.",
        needs=f"{_CLASSIFICATION} with a calibration",
    ),
    Metric("ml.feature.observations", "counter", "{observation}", _BIN, "Values that the model was asked about, by bin."),
    Metric(
        *("ml.feature.variance", "gauge", "", _FEATURE, "Variance over the latest 50 rows of a process, from the second row on."),
        needs="a feature that is not categorical",
    ),
    Metric(
        *("ml.validation.failures", "counter", "{failure}", (*_FEATURE, "ml.validation.reason")),
        "What was wrong with refused requests, by feature and reason.",
    ),
    Metric(
        *("ml.labels", "counter", "{label}", (*MODEL, "ml.prediction.class", "ml.label.class", "ml.label.correct")),
        "Accepted labels, by predicted and true class. A regression's have no class.",
    ),
    Metric(
        *("ml.label.expected_correct", "counter", "", MODEL),
        "As `ml.prediction.expected_correct`, of the labelled answers alone.",
        needs=_CLASSIFICATION,
    ),
    Metric(
        *("ml.label.absolute_error", "counter", "", MODEL, "Sum of the labelled answers' distances from the true values."),
        needs=_REGRESSION,
    ),
    Metric(
        *("ml.label.refusals", "counter", "{label}", (*MODEL, "ml.label.refusal.reason"), "Labels that were refused, by reason."),
    ),
)

REFERENCE = (
    Metric("ml.reference.rows", "gauge", "", MODEL, "Rows of the reference data."),
    Metric("ml.reference.share", "gauge", "", _BIN, "Share of the reference's rows in each bin of a feature."),
    Metric(
        *("ml.reference.psi_null", "gauge", "", _FEATURE),
        "Without drift a feature's PSI over n rows stays below this times (1/n + 1/`ml.reference.rows`).",
        needs="a feature whose drift is watched",
    ),
    Metric(
        *("ml.reference.mean", "gauge", "", _FEATURE, "Mean of a feature in the reference."),
        needs="a feature that is not categorical",
    ),
    Metric(
        *("ml.reference.variance", "gauge", "", _FEATURE, "Variance of a feature in the reference."),
        needs="a feature that is not categorical",
    ),
    Metric("ml.reference.prediction.share", "gauge", "", _PREDICTED, "Share of its predictions in each class or bin."),
    Metric("ml.reference.prediction.psi_null", "gauge", "", MODEL, "As `ml.reference.psi_null`, of the predictions."),
    Metric("ml.reference.quality", "gauge", "", (*MODEL, "ml.quality.measure"), "Quality of the model on the reference."),
    Metric("ml.reference.quality.rows", "gauge", "", MODEL, "Rows that the quality was measured on."),
)

_ITEMS = (("span", "{span}"), ("log", "{log_record}"), ("metric_data_point", "{data_point}"))
DELIVERY = (
    *(
        Metric(
            *(f"otel.sdk.exporter.{item}.exported", "counter", unit, (*_EXPORTER, "error.type")),
            "Without `error.type`: taken by the Collector. With it: lost, and why.",
        )
        for item, unit in _ITEMS
    ),
    *(
        Metric(f"otel.sdk.exporter.{item}.inflight", "up-down counter", unit, _EXPORTER, "Waiting in the service's buffer now.")
        for item, unit in _ITEMS
    ),
    Metric(
        *("otel.sdk.exporter.operation.duration", "histogram", "s", _EXPORTER, "Duration of each attempt to send."),
        in_failure=("error.type",),
    ),
    Metric("otel.sdk.metric_reader.collection.duration", "histogram", "s", _PROCESSOR, "Duration of each collection of metrics."),
    *(
        Metric(
            *(f"otel.sdk.processor.{item}.processed", "counter", unit, (*_PROCESSOR, "error.type")),
            "Without `error.type`: handed to the exporter. With it: dropped, and why.",
        )
        for item, unit in _ITEMS[:2]
    ),
    Metric("otel.sdk.processor.span.queue.size", "up-down counter", "{span}", _PROCESSOR, "Spans in the SDK's queue."),
    Metric("otel.sdk.processor.log.queue.size", "up-down counter", "{log}", _PROCESSOR, "Log records in the SDK's queue."),
    Metric("otel.sdk.processor.span.queue.capacity", "up-down counter", "{span}", _PROCESSOR, "Spans that the queue can hold."),
    Metric("otel.sdk.processor.log.queue.capacity", "up-down counter", "{log_record}", _PROCESSOR, "Records that it can hold."),
    Metric(
        *("otel.sdk.span.started", "counter", "{span}", ("otel.span.parent.origin", "otel.span.sampling_result")),
        "Spans that were started.",
    ),
    Metric("otel.sdk.span.live", "up-down counter", "{span}", ("otel.span.sampling_result",), "Spans started and not ended."),
    Metric("otel.sdk.log.created", "counter", "{log_record}", (), "Log records that were made."),
    Metric(
        *("vitals.logs.lost", "counter", "{record}", ("error.type",), "Log records that could not be handed to OpenTelemetry."),
        needs="a record, or a processor of the application, that raises",
    ),
)

_GENERATION = ("generation", "cpython.gc.generation")
PROCESS = (
    Metric("process.cpu.time", "counter", "s", ("type",), "CPU time of the process."),
    Metric("process.memory.usage", "up-down counter", "By", (), "Physical memory in use."),
    Metric("process.memory.virtual", "up-down counter", "By", (), "Virtual memory."),
    Metric("process.open_file_descriptor.count", "up-down counter", "", (), "Open file descriptors."),
    Metric("process.thread.count", "up-down counter", "", (), "Threads."),
    Metric("process.context_switches", "counter", "", ("type",), "Context switches."),
    Metric("cpython.gc.collections", "counter", "{collection}", _GENERATION, "Runs of the garbage collector."),
    Metric("cpython.gc.collected_objects", "counter", "{object}", _GENERATION, "Objects that it collected."),
    Metric("cpython.gc.uncollectable_objects", "counter", "{object}", _GENERATION, "Objects that it could not collect."),
)

CANARY = (
    Metric(
        *("vitals.freshness", "histogram", "s", ("store",)),
        "Time from the service's answer until a store finds what the request left.",
        source="canary",
    ),
    Metric(
        *("vitals.canary.sent", "counter", "{canary}", ("error.type",), "Canaries sent; `error.type` where the service failed."),
        source="canary",
    ),
    Metric(
        *("vitals.canary.lost", "counter", "{canary}", ("store", "error.type"), "Canaries that a store lacked after a minute."),
        source="canary",
    ),
    Metric(
        *("vitals.canary.skipped", "counter", "{canary}", ("store",)),
        "Canaries not looked for, because six were under way to that store.",
        source="canary",
    ),
)

_SPAN = (
    *("service.name", "span.name", "span.kind", "status.code", "collector.instance.id"),
    *("http.request.method", "http.route", "http.response.status_code"),
)
SPAN_METRICS = (
    Metric("traces.span.metrics.calls", "counter", "", _SPAN, "Spans that ended.", source="Collector"),
    Metric("traces.span.metrics.duration", "histogram", "s", _SPAN, "Duration of spans.", source="Collector"),
)
