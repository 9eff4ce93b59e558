"""otel-collector/layouts: a gateway that samples, and Kafka in between, taken by the real components' own validation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitals.backends.collector_config import FOLDER, arguments
from vitals.settings.stack import StackSettings

LAYOUTS = FOLDER / "layouts"
AROUND: dict[str, Any] = {
    "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
    "connectors": {"forward": None},
    "exporters": {"debug": None},
    "service": {
        "pipelines": {
            **{signal: {"receivers": ["otlp"], "exporters": ["forward"]} for signal in ("metrics", "logs", "traces")},
            **{f"{signal}/out": {"receivers": ["forward"], "exporters": ["debug"]} for signal in ("metrics", "logs", "traces")},
        }
    },
}
"""As much of config.yaml as the files for Kafka touch: Jaeger's build, whose Kafka components these are, has no more."""


def valid(command: list[str | Path], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("metrics", ["prometheus", "otlp"])
def test_the_gateway_is_valid(engine: Callable[[str], Path], engine_environment: dict[str, str], metrics: str) -> None:
    files = [*arguments(StackSettings.load(metrics_backend=metrics)), "--config", str(LAYOUTS / "gateway.yaml")]
    said = valid([engine("otelcol"), "validate", *files], engine_environment)
    assert said.returncode == 0, said.stderr


def test_the_gateway_counts_nothing_twice_and_samples_after_it_was_counted() -> None:
    """The agents' own pipeline makes span metrics; the gateway makes those of what it keeps, under another name."""
    base, gateway = (yaml.safe_load(file.read_text()) for file in (FOLDER / "config.yaml", LAYOUTS / "gateway.yaml"))
    assert "span_metrics" in base["service"]["pipelines"]["traces"]["exporters"]
    pipelines = gateway["service"]["pipelines"]
    assert "span_metrics" not in str(pipelines["traces"])
    assert pipelines["traces/kept"]["exporters"] == ["forward", "span_metrics/kept"]
    ours, kept = base["connectors"]["span_metrics"], gateway["connectors"]["span_metrics/kept"]
    assert {name for name in ours if ours[name] != kept[name]} == {"namespace"}


@pytest.mark.parametrize("layout", ["kafka-agent", "kafka-gateway"])
def test_kafka_in_between_is_valid(
    engine: Callable[[str], Path], engine_environment: dict[str, str], tmp_path: Path, layout: str
) -> None:
    """The Collector's Kafka exporter and receiver are not in our build; Jaeger's has them, one version older."""
    (tmp_path / "around.yaml").write_text(json.dumps(AROUND))
    text = (LAYOUTS / f"{layout}.yaml").read_text()
    for wrong in (False, True):
        (tmp_path / "layout.yaml").write_text(text.replace("client_id:", "no_such_option:") if wrong else text)
        files = ["--config", tmp_path / "around.yaml", "--config", tmp_path / "layout.yaml"]
        said = valid([engine("jaeger"), "validate", *files], engine_environment)
        assert (said.returncode != 0) is wrong, said.stderr


def test_kafkas_queue_is_as_every_other() -> None:
    exporter = yaml.safe_load((LAYOUTS / "kafka-agent.yaml").read_text())["exporters"]["kafka/buffer"]
    assert exporter["sending_queue"]["storage"] == "file_storage"
    assert exporter["sending_queue"]["block_on_overflow"] is False
    assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"
    assert exporter["producer"]["required_acks"] == -1
