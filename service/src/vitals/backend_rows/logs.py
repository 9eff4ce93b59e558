"""The backends of logs."""

from __future__ import annotations

from vitals.backend_rows.everywhere import NONE, VALIDATED_ONLY, migration, otlp
from vitals.backend_rows.row import Backend, Notes, Option

LOGS: dict[str, Backend] = {
    "elasticsearch": Backend(
        "Elasticsearch (part of the stack)",
        Notes("the default: documents by trace id, Kibana", "", "run, every `make test`"),
        queue="elasticsearch/logs",
        places=("elasticsearch logs",),
    ),
    "loki": Backend(
        "Loki at LOKI_URL",
        Notes(
            "logs beside metrics in Grafana, little memory",
            "attributes are text, their names have underscores for dots. No Kibana. A record more than 12 h older than its "
            "stream's newest is refused, and so are lines and attributes over 1 MB: dropped, and counted. A record that is sent "
            "twice is stored once, if it is the same in everything",
            "the Collector and `vitals trace` were run with 3.7.8 before VictoriaLogs took its place in the tests: "
            "under load, each record once. Overlay: validated only",
        ),
        queue="otlp_http/loki",
        places=("loki",),
        overlay="loki",
        options=(Option("LOKI_URL", "http://127.0.0.1:3100", "Loki, with LOGS_BACKEND=loki.", in_compose="http://loki:3100"),),
        overlay_options=(
            Option("LOKI_IMAGE", "grafana/loki:3.7.8", "Loki's image (overlays/loki.yaml)."),
            Option("LOKI_PORT", 3100, "Loki."),
            Option("LOKI_RETENTION", "168h", "LOGS_RETENTION in hours, for Loki's container."),
        ),
    ),
    "victorialogs": Backend(
        "VictoriaLogs (the stack runs one, unless VICTORIALOGS_URL names another)",
        Notes(
            "logs on little disk, and in little memory",
            "attributes are text. No Kibana. A retry may store a record twice. "
            "`kill -9` of it loses the second that was taken and not yet written",
            "run (under load, each record once; `vitals trace`). Overlay: validated only",
        ),
        queue="otlp_http/victorialogs",
        places=("victorialogs",),
        server="victorialogs",
        overlay="victorialogs",
        options=(
            Option("VICTORIALOGS_PORT", 9428, "VictoriaLogs, with LOGS_BACKEND=victorialogs."),
            Option(
                "VICTORIALOGS_URL",
                "",
                "A VictoriaLogs of your own, with LOGS_BACKEND=victorialogs; without it the stack runs one.",
                if_empty="http://127.0.0.1:{VICTORIALOGS_PORT}",
                in_compose="http://victorialogs:9428",
            ),
        ),
        overlay_options=(
            Option(
                "VICTORIALOGS_IMAGE",
                "victoriametrics/victoria-logs:v1.52.1",
                "VictoriaLogs's image (overlays/victorialogs.yaml).",
            ),
        ),
    ),
    "otlp": otlp("logs"),
    "file": Backend(
        "a folder to write LOGS_FILE in",
        Notes(
            "a log shipper of your own; or to look at",
            "no queue: what can't be written (a full disk) is refused at once, the sender repeats it, and the other signals' "
            "backends see that repetition. 11 files of 100 MB, the oldest goes",
            "run (each record once over the swap)",
        ),
        unread="`vitals trace` does not read LOGS_FILE; grep does",
        overlay="file",
        options=(
            Option(
                "LOGS_FILE",
                None,
                "The file of LOGS_BACKEND=file; without it, collector/logs/logs.jsonl in VITALS_STATE_DIR.",
                if_empty="{VITALS_STATE_DIR}/collector/logs/logs.jsonl",
                in_compose="/var/lib/otelcol/logs/logs.jsonl",
            ),
        ),
    ),
    "none": NONE,
}

LOGS_TOGETHER: dict[str, Notes] = {
    "elasticsearch+victorialogs": migration("run, with one of them down"),
    "elasticsearch+loki": migration(VALIDATED_ONLY),
}
