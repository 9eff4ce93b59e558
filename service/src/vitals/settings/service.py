"""Options of the model service.

The `OTEL_*` variables are not repeated here: they keep the meaning that OpenTelemetry gives them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from vitals.settings.durations import seconds
from vitals.settings.options import Age, Options, Port, Timeout, default_state_dir
from vitals.settings.proxy_options import RootPath, TrustedHosts


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
        "", description="The prefix under which a proxy serves the service, such as /ml; the proxy may strip it or keep it."
    )
    forwarded_allow_ips: TrustedHosts = Field(
        "", description="Addresses and networks of proxies whose X-Forwarded headers are believed, with commas between them."
    )
    batch_max_size: int = Field(64, ge=1, le=4096, description="The most rows in one call of the model.")
    queue_max_size: int = Field(
        1024,
        ge=1,
        le=1_000_000,
        description="Rows that may wait for the model; a request that does not fit is answered 503 at once.",
    )
    predict_timeout: Timeout = Field(
        "10s",
        description="How long a request waits for the model before it is answered 503: a number and ms, s or m.",
    )
    loop_stall_seconds: int = Field(
        30,
        ge=0,
        le=3600,
        description="Seconds that the event loop may stand still before the process ends and is restarted; 0 turns this off.",
    )
    model_threads: int = Field(
        1,
        ge=0,
        le=1024,
        description="Threads of one call of the model; 0 for as many as the CPU limit has for each of SERVICE_WORKERS.",
    )
    instances_max: int = Field(
        100, ge=1, le=10_000, description="Rows, or labels, in one request; a request with more is answered 422."
    )
    request_max_bytes: int = Field(
        1_048_576, ge=1024, description="The largest body, as sent and as decompressed; a larger one is answered 413."
    )
    prediction_key_file: Path | None = Field(
        None,
        description="The file of the key that signs prediction ids, one for all replicas; without it, a new key at each start.",
    )
    labels_max_age: Age = Field("30d", description="How old a prediction may be when its label comes: a number and s, m, h or d.")
    log_features: bool = Field(
        False,
        description="Also log the rows of requests, for `vitals report`; leave it off if they are personal data.",
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
        description="Bytes kept of each signal while the Collector is away; beyond that the oldest are dropped and counted.",
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
