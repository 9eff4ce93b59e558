"""The backends of traces."""

from __future__ import annotations

import dataclasses

from vitals.backend_rows.everywhere import NONE, VALIDATED_ONLY, migration, otlp
from vitals.backend_rows.row import Backend, Notes, Option

TRACES: dict[str, Backend] = {
    "elasticsearch": Backend(
        "Elasticsearch (part of the stack)",
        Notes("spans beside logs, in Kibana", "no waterfall in Grafana", "run"),
        queue="elasticsearch/traces",
        places=("elasticsearch spans",),
    ),
    "jaeger": Backend(
        "Jaeger (part of the stack)",
        Notes(
            "the waterfall alone",
            "no spans in Kibana. Of a request that was served in another's batch, "
            "`vitals trace` does not find the batch by its link",
            "run",
        ),
        queue="otlp_grpc/jaeger",
        places=("jaeger",),
    ),
    "tempo": Backend(
        "Tempo at TEMPO_OTLP_ENDPOINT",
        Notes("object storage", "not read by `vitals trace`. The dashboards' exemplars lead to Jaeger", VALIDATED_ONLY),
        queue="otlp_grpc/tempo",
        unread="`vitals trace` does not ask Tempo; Grafana does",
        overlay="tempo",
        options=(
            Option(
                "TEMPO_OTLP_ENDPOINT",
                "127.0.0.1:34317",
                "Tempo's OTLP receiver (gRPC), with TRACES_BACKEND=tempo.",
                in_compose="tempo:4317",
            ),
        ),
        overlay_options=(
            Option("TEMPO_IMAGE", "grafana/tempo:2.8.2", "Tempo's image (overlays/tempo.yaml)."),
            Option("TEMPO_PORT", 3200, "Tempo's API; the Collector reaches its OTLP receiver inside the network."),
        ),
    ),
    "victoriatraces": Backend(
        "VictoriaTraces at VICTORIATRACES_URL",
        Notes(
            "spans on little disk and in little memory, beside VictoriaMetrics and VictoriaLogs",
            "not read by `vitals trace`; Grafana asks it by Jaeger's API. The dashboards' exemplars lead to Jaeger. "
            "A retry may store a span twice. `kill -9` of it loses the last 5 s, which are not on disk yet. "
            "TRACES_RETENTION has to be a day at least",
            "validated only: VictoriaTraces itself was not run. The Collector was run once with an HTTP listener in its place: "
            "path and encoding are those of its documentation, and what was refused with 429 came again",
        ),
        queue="otlp_http/victoriatraces",
        unread="`vitals trace` does not ask VictoriaTraces; Grafana does",
        overlay="victoriatraces",
        options=(
            Option(
                "VICTORIATRACES_URL",
                "http://127.0.0.1:10428",
                "VictoriaTraces, with TRACES_BACKEND=victoriatraces.",
                in_compose="http://victoriatraces:10428",
            ),
        ),
        overlay_options=(
            Option(
                "VICTORIATRACES_IMAGE",
                "victoriametrics/victoria-traces:v0.10.0",
                "VictoriaTraces's image (overlays/victoriatraces.yaml).",
            ),
            Option("VICTORIATRACES_PORT", 10428, "VictoriaTraces."),
        ),
    ),
    "otlp": otlp("traces"),
    "none": dataclasses.replace(
        NONE, notes=dataclasses.replace(NONE.notes, compared="nothing is kept, span metrics are still made; drops are counted")
    ),
}

TRACES_TOGETHER: dict[str, Notes] = {
    "elasticsearch+jaeger": Notes("the default: spans as documents, and the waterfall in Grafana", "", "run, every `make test`"),
    "jaeger+tempo": migration(VALIDATED_ONLY),
}
