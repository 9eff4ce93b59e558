"""Options that only compose.yaml reads."""

from __future__ import annotations

from pydantic import Field

from vitals.backend_rows.table import overlay_options
from vitals.settings.backend_options import with_backends
from vitals.settings.options import Options


@with_backends(overlay_options())
class ContainerSettings(Options):
    """Options that only compose.yaml and overlays/ read; the images stand for the same versions as the native engines.

    Those of a backend's overlay are fields too, by its row in `backend_rows`.
    """

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
    elasticsearch_memory: str = Field(
        "1536m", description="The limit of Elasticsearch's container: its heap, as much again outside it, and room for files."
    )
    jaeger_ttl: str = Field("168h", description="TRACES_RETENTION in hours, for Jaeger's container: compose can't convert it.")
    docker_containers_dir: str = Field(
        "/var/lib/docker/containers", description="Where Docker keeps containers' logs, below its data-root."
    )
