"""Every option of the service and of the stack: name, type, default, and a line of why.

Each option is an environment variable of the same name in capitals; the `vitals` command and compose also read them from `.env`.
The `OTEL_*` variables are not repeated here: they keep the meaning that OpenTelemetry gives them.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vitals.durations import seconds
from vitals.errors import SettingsError
from vitals.proxy_options import RootPath, TrustedHosts

Port = Annotated[int, Field(ge=1024, le=65535)]
Days = Annotated[str, Field(pattern=r"^[1-9][0-9]*[hd]$")]
AlertWindows = Literal["production", "demo"]
Age = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,7}[smhd]$")]
Timeout = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(ms|s|m)$")]
Interval = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,4})[smh]$")]

ROOT = Path(__file__).resolve().parents[3]
"""The checkout: the folder that holds the configuration files of the engines."""


def _home_of(kind: Literal["cache", "state"]) -> Path:
    """Where a user's caches and states live: the XDG folders, or the system's for root.

    Root has folders of its own because Elasticsearch refuses to run as root, and the user that it then runs as can't
    look into root's home.
    """
    variable, in_home, for_root = {
        "cache": ("XDG_CACHE_HOME", ".cache", "/var/cache"),
        "state": ("XDG_STATE_HOME", ".local/state", "/var/lib"),
    }[kind]
    chosen = os.environ.get(variable)
    if chosen:
        return Path(chosen) / "vitals"
    return Path(for_root if os.geteuid() == 0 else Path.home() / in_home) / "vitals"


def default_state_dir() -> Path:
    """One folder a checkout, so that two clones do not share data or secrets."""
    return _home_of("state") / f"{ROOT.name}-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"


class Options(BaseSettings):
    """What all options share: they come from the environment, and what is wrong with one is a sentence."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _folders_are_absolute(cls, value: Any) -> Any:
        """A folder means the same to every process, wherever it runs; `~` is as common in .env as in a shell."""
        return value.expanduser().absolute() if isinstance(value, Path) else value

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the options from the environment; `given` wins over it.

        Raises SettingsError with a sentence for each option that is wrong.
        """
        try:
            return cls(**given)
        except ValidationError as wrong:
            raise SettingsError([_sentence(dict(error)) for error in wrong.errors()]) from None


def _sentence(error: dict[str, Any]) -> str:
    name = "_".join(str(part) for part in error["loc"]).upper()
    reason = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if not name:
        return f"{reason}."
    value = "" if isinstance(error.get("input"), dict) else f" (it is {error.get('input')!r})"
    return f"{name} is wrong: {reason}{value}."


class Settings(Options):
    """Options of the model service."""

    model_dir: Path | None = Field(
        None,
        description="The folder of the served model; without it, the one that `vitals train-example` makes.",
    )
    allow_pickle: bool = Field(
        False,
        description="Also serve a model that is a pickle (.pickle, .pkl, .joblib): reading a pickle can run any code in it.",
    )
    service_host: str = Field("127.0.0.1", description="The address to listen on; loopback unless you say otherwise.")
    service_port: Port = Field(8000, description="The port of the model service.")
    service_workers: int = Field(
        1, ge=1, le=64, description="Processes that share the port; each is an instance of its own in the telemetry."
    )
    root_path: RootPath = Field(
        "", description="The prefix under which a proxy serves it, such as /ml; the proxy may strip it or keep it."
    )
    forwarded_allow_ips: TrustedHosts = Field(
        "", description="Addresses and networks of proxies whose X-Forwarded headers are believed, with commas between them."
    )
    batch_max_size: int = Field(64, ge=1, le=4096, description="Rows in one call of the model: those that wait when it begins.")
    queue_max_size: int = Field(
        1024,
        ge=1,
        le=1_000_000,
        description="Rows that may wait for the model; a request with more than there is room for is answered 503 at once.",
    )
    predict_timeout: Timeout = Field(
        "10s",
        description="How long a request waits for the model before it is answered 503: a number and ms, s or m.",
    )
    loop_stall_seconds: int = Field(
        30,
        ge=0,
        le=3600,
        description="Ends a process whose event loop has not turned for so long, so that it is started anew; 0 is never.",
    )
    model_threads: int = Field(
        1,
        ge=0,
        le=1024,
        description="Threads of one call of the model; 0 for as many as the CPU limit has for each of SERVICE_WORKERS.",
    )
    instances_max: int = Field(
        100, ge=1, le=10_000, description="Rows, or labels, in one request; one with more is answered 422."
    )
    request_max_bytes: int = Field(
        1_048_576, ge=1024, description="The largest body, as sent and as decompressed; a larger one is answered 413."
    )
    prediction_key_file: Path | None = Field(
        None,
        description="The key that signs prediction ids, the same for all replicas; without it, one for the process's life.",
    )
    labels_max_age: Age = Field("30d", description="How long after its prediction a label is taken: a number and s, m, h or d.")
    log_features: bool = Field(
        False,
        description="Also log the rows that were asked for, for `vitals report`; leave it off where they are personal data.",
    )
    shutdown_grace_seconds: int = Field(
        20,
        ge=1,
        le=600,
        description="How long SIGTERM waits for running requests, then for buffered telemetry.",
    )
    telemetry_buffer_bytes: int = Field(
        67108864,
        ge=65536,
        description="What is kept of each signal while the Collector is away; beyond it the oldest are dropped, and counted.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="What the service logs, on stderr and over OTLP."
    )
    metrics_pull: bool = Field(
        False,
        description="Also serve the metrics at /metrics for a scraper; one worker only, since a scrape sees one process.",
    )

    @model_validator(mode="after")
    def _one_process_is_one_scrape(self) -> Self:
        if self.metrics_pull and self.service_workers > 1:
            raise ValueError(
                "METRICS_PULL needs SERVICE_WORKERS=1: a scrape would see one process of several; push over OTLP adds them up"
            )
        return self

    @property
    def model_folder(self) -> Path:
        """The folder of the served model."""
        return self.model_dir or Path(os.environ.get("VITALS_STATE_DIR") or default_state_dir()) / "model"

    @property
    def predict_timeout_seconds(self) -> float:
        """PREDICT_TIMEOUT in seconds."""
        return seconds(self.predict_timeout)

    @property
    def labels_max_age_seconds(self) -> float:
        """LABELS_MAX_AGE in seconds."""
        return seconds(self.labels_max_age)


class StackSettings(Options):
    """Options of the engines: where they listen, what they keep, which backends the Collector sends to."""

    metrics_backend: str = Field("prometheus", description="A file of otel-collector/backends/metrics, without `.yaml`.")
    logs_backend: str = Field("elasticsearch", description="A file of otel-collector/backends/logs, without `.yaml`.")
    traces_backend: str = Field("elasticsearch+jaeger", description="A file of otel-collector/backends/traces, without `.yaml`.")

    service_port: Port = Field(8000, description="The model service.")
    otlp_grpc_port: Port = Field(4317, description="The Collector, OTLP over gRPC: what the service sends to.")
    otlp_http_port: Port = Field(4318, description="The Collector, OTLP over HTTP.")
    alerts_port: Port = Field(4319, description="The Collector, for Alertmanager's notifications: the history of alerts.")
    collector_health_port: Port = Field(13133, description="The Collector's health check.")
    collector_metrics_port: Port = Field(8888, description="The Collector's own metrics.")
    collector_scrape_port: Port = Field(
        8889, description="Where the Collector is scraped, with METRICS_BACKEND=prometheus-scrape."
    )
    collector_remote_write_port: Port = Field(
        14320, description="The Collector to itself, with METRICS_BACKEND=prometheus-remote-write."
    )
    collector_victoriametrics_port: Port = Field(
        14321, description="The Collector to itself, with METRICS_BACKEND=victoriametrics."
    )
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
    victorialogs_port: Port = Field(9428, description="VictoriaLogs, with LOGS_BACKEND=victorialogs.")

    grafana_port: Port = Field(3000, description="Grafana (with containers).")
    kibana_port: Port = Field(5601, description="Kibana (with containers).")

    victoriametrics_url: str = Field(
        "http://127.0.0.1:8428", description="VictoriaMetrics, with METRICS_BACKEND=victoriametrics."
    )
    mimir_url: str = Field("http://127.0.0.1:9009", description="Mimir, with METRICS_BACKEND=mimir.")
    mimir_tenant: str = Field("anonymous", description="Whose metrics they are, for a Mimir with several tenants.")
    loki_url: str = Field("http://127.0.0.1:3100", description="Loki, with LOGS_BACKEND=loki.")
    victorialogs_url: str = Field(
        "", description="A VictoriaLogs of your own, with LOGS_BACKEND=victorialogs; without it the stack runs one."
    )
    logs_file: Path | None = Field(
        None, description="The file of LOGS_BACKEND=file; without it, collector/logs/logs.jsonl in VITALS_STATE_DIR."
    )
    tempo_otlp_endpoint: str = Field("127.0.0.1:34317", description="Tempo's OTLP receiver (gRPC), with TRACES_BACKEND=tempo.")
    otlp_backend_endpoint: str = Field(
        "http://127.0.0.1:24318", description="What takes OTLP over HTTP, with any signal's backend `otlp`."
    )
    otlp_backend_authorization_file: Path | None = Field(
        None,
        description="A file with the value of its header Authorization, as in `Bearer abc`; without one the header is empty.",
    )

    queue_bytes: int | None = Field(
        None,
        ge=500_000,
        description="What each of the Collector's queues may take on disk; without it 1 GiB, for metrics half of that.",
    )
    canary_interval: Interval = Field("10s", description="How often a request is followed into every store; 0s is never.")
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
    log_files: str = Field(
        "",
        description="Paths of log files for the Collector to follow, globs allowed, separated by commas; none unless you say so.",
    )

    vitals_java_home: Path | None = Field(
        None, description="A JDK 21 or later for Elasticsearch; without it, JAVA_HOME, PATH and the usual folders are searched."
    )
    vitals_cache_dir: Path = Field(default_factory=lambda: _home_of("cache"), description="Built engines: shared by all clones.")
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
