"""Options of the stack: where the engines listen, what they keep, and where each signal goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, field_validator, model_validator

from vitals.backend_rows.table import stack_options
from vitals.settings.backend_options import with_backends
from vitals.settings.durations import seconds
from vitals.settings.options import AlertWindows, Days, Interval, Options, Port, ReadBy, default_state_dir, home_of

_OfCollector = ReadBy("collector")


@with_backends(stack_options())
class StackSettings(Options):
    """Options of the engines: where they listen, what they keep, which backends the Collector sends to.

    The options of a single backend are fields too, by its row in `backend_rows`.
    """

    if TYPE_CHECKING:  # those of them that code asks for by name
        loki_url: str
        victorialogs_url: str
        victorialogs_port: int

    metrics_backend: Annotated[str, _OfCollector] = Field(
        "prometheus", description="A file of otel-collector/backends/metrics, without `.yaml`."
    )
    logs_backend: Annotated[str, _OfCollector] = Field(
        "elasticsearch", description="A file of otel-collector/backends/logs, without `.yaml`."
    )
    traces_backend: Annotated[str, _OfCollector] = Field(
        "elasticsearch+jaeger", description="A file of otel-collector/backends/traces, without `.yaml`."
    )

    service_port: Port = Field(8000, description="The model service.")
    otlp_grpc_port: Port = Field(4317, description="The Collector, OTLP over gRPC: what the service sends to.")
    otlp_http_port: Port = Field(4318, description="The Collector, OTLP over HTTP.")
    alerts_port: Port = Field(4319, description="The Collector, for Alertmanager's notifications: the history of alerts.")
    collector_health_port: Port = Field(13133, description="The Collector's health check.")
    collector_metrics_port: Port = Field(8888, description="The Collector's own metrics.")
    elasticsearch_port: Port = Field(9200, description="Elasticsearch over HTTP.")
    elasticsearch_transport_port: Port = Field(
        9300, description="Elasticsearch's port for other nodes; it has one even when alone."
    )
    prometheus_port: Port = Field(9090, description="Prometheus: its API and its OTLP receiver.")
    jaeger_port: Port = Field(16686, description="Jaeger's query API.")
    jaeger_grpc_port: Port = Field(16685, description="Jaeger's query API over gRPC.")
    jaeger_otlp_port: Port = Field(14317, description="Jaeger's OTLP receiver; 4317 is the Collector's.")
    jaeger_health_port: Port = Field(13134, description="Jaeger's health check.")
    jaeger_metrics_port: Port = Field(8887, description="Jaeger's own metrics.")
    node_exporter_port: Port = Field(9100, description="node_exporter.")
    alertmanager_port: Port = Field(9093, description="Alertmanager: its API and its page.")

    grafana_port: Port = Field(3000, description="Grafana (with containers).")
    kibana_port: Port = Field(5601, description="Kibana (with containers).")

    queue_bytes: Annotated[int | None, _OfCollector] = Field(
        None,
        ge=500_000,
        description="What each of the Collector's queues may take on disk; without it 1 GiB, for metrics half of that.",
    )
    canary_interval: Annotated[Interval, _OfCollector] = Field(
        "10s", description="How often a request is followed into every store; 0s is never."
    )
    elasticsearch_heap: str = Field(
        "512m",
        pattern=r"^[1-9][0-9]*[mg]$",
        description="Elasticsearch's heap; it takes about as much again outside it.",
    )
    logs_retention: Days = Field("7d", description="How long Elasticsearch keeps logs.")
    traces_retention: Days = Field("7d", description="How long Elasticsearch and Jaeger keep traces.")
    metrics_retention: Days = Field("31d", description="How long Prometheus keeps metrics: the error budgets are of 30 days.")
    alert_windows: AlertWindows = Field(
        "production",
        description="How long alerts look back and wait: `production`, or `demo` to see one a minute or two after its cause.",
    )
    log_files: Annotated[str, _OfCollector] = Field(
        "",
        description="Paths of log files for the Collector to follow, globs allowed, separated by commas; none unless you say so.",
    )

    vitals_java_home: Path | None = Field(
        None, description="A JDK 21 or later for Elasticsearch; without it, JAVA_HOME, PATH and the usual folders are searched."
    )
    vitals_cache_dir: Path = Field(default_factory=lambda: home_of("cache"), description="Built engines: shared by all clones.")
    vitals_state_dir: Path = Field(default_factory=default_state_dir, description="Data, secrets and logs of this clone's stack.")

    @field_validator("log_files", mode="after")
    @classmethod
    def _log_files_are_absolute(cls, value: str) -> str:
        """Spaces around commas are none of a path's; the Collector runs elsewhere, and knows no `~`."""
        named = (one.strip() for one in value.split(","))
        return ",".join(str(Path(one).expanduser().absolute()) for one in named if one)

    @property
    def canary_interval_seconds(self) -> float:
        """CANARY_INTERVAL in seconds; 0 where there is no canary."""
        return seconds(self.canary_interval)

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        taken: dict[int, str] = {}
        for name, port in self.ports().items():
            if port in taken:
                raise ValueError(f"{name} and {taken[port]} are both {port}; each needs a port of its own")
            taken[port] = name
        return self

    def ports(self) -> dict[str, int]:
        """Each port option's variable and its value."""
        return {name.upper(): value for name, value in self.model_dump().items() if name.endswith("_port")}
