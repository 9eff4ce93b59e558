"""The Collector takes every combination of backends, and the backend files compose as they promise."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from vitals.settings import StackSettings
from vitals.stack.collector_config import FOLDER, SIGNALS, OwnLogs, arguments, available

COMBINATIONS = [
    (*backends, log_files)
    for *backends, log_files in itertools.product(*(available(signal) for signal in SIGNALS), ("", "/var/log/a.log,/srv/*.log"))
]
BACKENDS = sorted(FOLDER.glob("backends/*/*.yaml"))


def content(file: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(file.read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize(("metrics", "logs", "traces", "log_files"), COMBINATIONS)
def test_every_combination_of_backends_is_valid(
    engine: Callable[[str], Path], engine_environment: dict[str, str], metrics: str, logs: str, traces: str, log_files: str
) -> None:
    settings = StackSettings.load(metrics_backend=metrics, logs_backend=logs, traces_backend=traces, log_files=log_files)
    said = subprocess.run(
        [engine("otelcol"), "validate", *arguments(settings)],
        env={**engine_environment, "LOG_FILES": log_files},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("own_logs", get_args(OwnLogs))
def test_it_is_valid_without_any_variable(engine: Callable[[str], Path], own_logs: OwnLogs) -> None:
    settings = StackSettings.load(logs_backend="none", traces_backend="jaeger")
    said = subprocess.run(
        [engine("otelcol"), "validate", *arguments(settings, own_logs=own_logs)],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("file", BACKENDS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_backend_adds_keys_and_replaces_none(file: Path) -> None:
    base, added = content(FOLDER / "config.yaml"), content(file)
    for kind in ("extensions", "receivers", "processors", "exporters", "connectors"):
        assert not base.get(kind, {}).keys() & added.get(kind, {}).keys()
    assert set(added["service"]) == {"pipelines"}
    assert not base["service"]["pipelines"].keys() & added["service"]["pipelines"].keys()


@pytest.mark.parametrize("file", BACKENDS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_pipeline_of_a_backend_begins_with_forward_and_is_of_its_signal(file: Path) -> None:
    for name, pipeline in content(file)["service"]["pipelines"].items():
        assert name.split("/")[0] == file.parent.name
        assert pipeline["receivers"] == ["forward"]
        assert len(pipeline["exporters"]) == 1, "one down would hold up the other"


def test_what_takes_something_in_begins_with_the_memory_limiter_and_ends_in_forward() -> None:
    for file in (FOLDER / "config.yaml", *FOLDER.glob("inputs/*.yaml")):
        for pipeline in content(file)["service"]["pipelines"].values():
            assert pipeline["processors"][0] == "memory_limiter"
            assert pipeline["exporters"][0] == "forward"


@pytest.mark.parametrize("file", BACKENDS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_exporter_keeps_what_it_could_not_send(file: Path) -> None:
    for name, exporter in content(file)["exporters"].items():
        if name.startswith("debug/"):
            continue
        queue = exporter["sending_queue"]
        assert queue["storage"] == "file_storage"
        assert queue["sizer"] == "bytes"
        assert "QUEUE_BYTES" in queue["queue_size"]
        assert queue["block_on_overflow"] is False, "a full queue would hold up the other backends and the service"
        if name.startswith("elasticsearch/"):
            assert exporter["timeout"] == "0s", "any other ends the retries, and loses the batch"
            assert exporter["retry"]["max_retries"] > 1_000_000
        else:
            assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"


def test_the_default_traces_backend_is_its_two_parts_word_for_word() -> None:
    folder = FOLDER / "backends" / "traces"
    both: dict[str, Any] = {"service": {"pipelines": {}}}
    for name in ("elasticsearch", "jaeger"):
        part = content(folder / f"{name}.yaml")
        for kind in ("processors", "exporters"):
            both.setdefault(kind, {}).update(part.get(kind, {}))
        both["service"]["pipelines"].update(part["service"]["pipelines"])
    assert content(folder / "elasticsearch+jaeger.yaml") == both


def test_levels_are_found_in_the_same_way_natively_and_in_containers() -> None:
    def from_level_on(name: str) -> list[dict[str, Any]]:
        operators = content(FOLDER / "inputs" / f"{name}.yaml")["receivers"]["file_log/containers"]["operators"]
        return list(operators[[one.get("id") for one in operators].index("level") :])

    assert from_level_on("engine-logs") == from_level_on("container-logs")
