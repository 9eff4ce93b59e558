"""Options that only compose.yaml reads."""

from __future__ import annotations

from pydantic import Field

from vitals.settings.options import Options, Port


class ContainerSettings(Options):
    """Options that only compose.yaml reads; the images stand for the same versions as the native engines."""

    python_image: str = Field("python:3.13-slim-bookworm", description="What the model service's image is built on.")
    vitals_image: str = Field("vitals:0.1.0", description="The model service's image: its name, or another to use instead.")
    collector_image: str = Field("otel/opentelemetry-collector-contrib:0.157.0", description="The Collector's image.")
    elasticsearch_image: str = Field("elasticsearch:9.5.3", description="Elasticsearch's image.")
    kibana_image: str = Field("kibana:9.5.3", description="Kibana's image; of Elasticsearch's version.")
    prometheus_image: str = Field("prom/prometheus:v3.15.0", description="Prometheus's image.")
    alertmanager_image: str = Field("prom/alertmanager:v0.31.1", description="Alertmanager's image.")
    node_exporter_image: str = Field("prom/node-exporter:v1.12.1", description="node_exporter's image.")
    jaeger_image: str = Field("jaegertracing/jaeger:2.13.0", description="Jaeger's image (2.13.0 is its module's 1.76.0).")
    grafana_image: str = Field("grafana/grafana:12.4.10", description="Grafana's image.")
    loki_image: str = Field("grafana/loki:3.7.8", description="Loki's image (overlays/loki.yaml).")
    victoriametrics_image: str = Field(
        "victoriametrics/victoria-metrics:v1.151.0", description="VictoriaMetrics's image (overlays/victoriametrics.yaml)."
    )
    vmalert_image: str = Field("victoriametrics/vmalert:v1.151.0", description="vmalert's image; of VictoriaMetrics's version.")
    victorialogs_image: str = Field(
        "victoriametrics/victoria-logs:v1.52.1", description="VictoriaLogs's image (overlays/victorialogs.yaml)."
    )
    mimir_image: str = Field("grafana/mimir:2.17.0", description="Mimir's image (overlays/mimir.yaml).")
    tempo_image: str = Field("grafana/tempo:2.8.2", description="Tempo's image (overlays/tempo.yaml).")
    victoriametrics_port: Port = Field(8428, description="VictoriaMetrics.")
    loki_port: Port = Field(3100, description="Loki.")
    mimir_port: Port = Field(9009, description="Mimir.")
    tempo_port: Port = Field(3200, description="Tempo's API; the Collector reaches its OTLP receiver inside the network.")
    elasticsearch_memory: str = Field(
        "1536m", description="The limit of Elasticsearch's container: its heap, as much again outside it, and room for files."
    )
    jaeger_ttl: str = Field("168h", description="TRACES_RETENTION in hours, for Jaeger's container: compose can't convert it.")
    loki_retention: str = Field("168h", description="LOGS_RETENTION in hours, for Loki's container.")
    docker_containers_dir: str = Field(
        "/var/lib/docker/containers", description="Where Docker keeps containers' logs, below its data-root."
    )
