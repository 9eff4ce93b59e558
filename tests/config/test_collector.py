"""The Collector takes every combination of backends, and the backend files compose as they promise."""

from __future__ import annotations

import functools
import itertools
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from vitals.backends import queue_drain
from vitals.backends.backend_table import BACKENDS as BACKENDS_TABLE
from vitals.backends.collector_config import FOLDER, SIGNALS, OwnLogs, arguments, available
from vitals.checkout import ROOT
from vitals.settings.stack import StackSettings

BACKENDS = sorted(FOLDER.glob("backends/*/*.yaml"))


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@functools.cache
def content(file: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(file.read_text())
    assert isinstance(loaded, dict)
    return loaded


def components(file: Path) -> dict[tuple[str, str], Any]:
    """What a backend's file defines, by kind and name."""
    return {(kind, name): one for kind, named in content(file).items() if kind != "service" for name, one in named.items()}


@pytest.fixture
def validate(engine: Callable[[str], Path], engine_environment: dict[str, str]) -> Callable[[StackSettings], None]:
    """Have the Collector look at the configuration that these options choose."""

    def look(settings: StackSettings) -> None:
        said = subprocess.run(
            [engine("otelcol"), "validate", *arguments(settings)],
            env={**engine_environment, "LOG_FILES": settings.log_files},
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stderr

    return look


@pytest.mark.parametrize("file", BACKENDS, ids=_name)
def test_each_backend_is_valid(validate: Callable[[StackSettings], None], file: Path) -> None:
    of_others = {f"{signal}_backend": "none" for signal in SIGNALS}
    validate(StackSettings.load(**{**of_others, f"{file.parent.name}_backend": file.stem}))


@pytest.mark.parametrize("name", sorted(set.intersection(*(set(available(signal)) for signal in SIGNALS))))
def test_all_signals_to_backends_of_one_name_are_valid_together(validate: Callable[[StackSettings], None], name: str) -> None:
    validate(StackSettings.load(metrics_backend=name, logs_backend=name, traces_backend=name))


def test_the_backends_as_they_come_are_valid_together_with_followed_files(validate: Callable[[StackSettings], None]) -> None:
    validate(StackSettings.load(log_files="/var/log/a.log,/srv/*.log"))


def test_backends_of_two_signals_have_nothing_in_common() -> None:
    """So they can't interact: the Collector merges the files, and has of each what it has when that one is chosen alone.

    `vitals backends check` has it look at every combination.
    """
    for one, other in itertools.combinations(BACKENDS, 2):
        if one.parent != other.parent:
            assert not components(one).keys() & components(other).keys(), f"{_name(one)} and {_name(other)}"
            assert not content(one)["service"]["pipelines"].keys() & content(other)["service"]["pipelines"].keys()


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


@pytest.mark.parametrize("file", BACKENDS, ids=_name)
def test_a_backend_adds_keys_and_replaces_none(file: Path) -> None:
    base, added = content(FOLDER / "config.yaml"), content(file)
    for kind in ("extensions", "receivers", "processors", "exporters", "connectors"):
        assert not base.get(kind, {}).keys() & added.get(kind, {}).keys()
    assert set(added["service"]) == {"pipelines"}
    assert not base["service"]["pipelines"].keys() & added["service"]["pipelines"].keys()


@pytest.mark.parametrize("file", BACKENDS, ids=_name)
def test_a_pipeline_of_a_backend_begins_with_forward_and_is_of_its_signal(file: Path) -> None:
    """Or with a receiver that is its own: what this Collector sends to itself, from a pipeline that has a queue."""
    for name, pipeline in content(file)["service"]["pipelines"].items():
        assert name.split("/")[0] == file.parent.name
        [receiver] = pipeline["receivers"]
        if receiver != "forward":
            [sender] = [one for one in content(file)["exporters"].values() if one["endpoint"] == _own_port(file, receiver)]
            assert sender["sending_queue"]["storage"] == "file_storage"
        assert len(pipeline["exporters"]) == 1, "one down would hold up the other"


def _own_port(file: Path, receiver: str) -> str:
    """The address of a receiver of the Collector's own, as an exporter names it; always on loopback."""
    endpoint = content(file)["receivers"][receiver]["protocols"]["http"]["endpoint"]
    assert endpoint.startswith("127.0.0.1:")
    return f"http://{endpoint}"


def test_what_takes_something_in_begins_with_the_memory_limiter_and_ends_in_forward() -> None:
    for file in (FOLDER / "config.yaml", *FOLDER.glob("inputs/*.yaml")):
        for name, pipeline in content(file)["service"]["pipelines"].items():
            if name.endswith("/cut"):
                assert pipeline["receivers"] == ["forward"], "it only counts"
                continue
            assert pipeline["processors"][0] == "memory_limiter"
            assert pipeline["exporters"][0] == "forward"
            if name != "metrics/host":
                assert "transform/bounds" in pipeline["processors"]
                assert "redaction" in pipeline["processors"]
            if not name.startswith("metrics"):
                bounded = pipeline["processors"][-3:]
                assert bounded == ["transform/bounds", "redaction", "transform/cut"], "a secret is masked before it is cut in two"


@pytest.mark.parametrize("file", BACKENDS, ids=_name)
def test_an_exporter_keeps_what_it_could_not_send(file: Path) -> None:
    for name, exporter in content(file)["exporters"].items():
        kind = name.split("/")[0]
        if kind in ("debug", "prometheus", "file"):
            assert "sending_queue" not in exporter, "dropped, pulled, or written at once: docs/backends.md says what is lost"
            continue
        if kind == "prometheus_remote_write":
            assert exporter["timeout"] == "0s", "any other drops the batch"
            assert exporter["retry_on_failure"] == {"enabled": False}, "the exporter that sends to it does it, from disk"
            assert exporter["remote_write_queue"] == {"enabled": False}, "in memory: what it holds would be lost"
            continue
        queue = exporter["sending_queue"]
        assert queue["storage"] == "file_storage"
        assert queue["sizer"] == "bytes"
        assert "QUEUE_BYTES" in queue["queue_size"]
        assert queue["block_on_overflow"] is False, "a full queue would hold up the other backends and the service"
        if kind == "elasticsearch":
            assert exporter["timeout"] == "0s", "any other ends the retries, and loses the batch"
            assert exporter["retry"]["max_retries"] > 1_000_000
        else:
            assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"
        assert queue["num_consumers"] == (1 if file.parent.name == "metrics" else 4), (
            "samples have to arrive in the order of their times"
        )


@pytest.mark.parametrize("file", [file for file in BACKENDS if "+" in file.stem], ids=_name)
def test_two_backends_at_once_are_their_parts_word_for_word(file: Path) -> None:
    both: dict[str, Any] = {"service": {"pipelines": {}}}
    for name in file.stem.split("+"):
        part = content(file.with_name(f"{name}.yaml"))
        for kind in part.keys() - {"service"}:
            both.setdefault(kind, {}).update(part[kind])
        both["service"]["pipelines"].update(part["service"]["pipelines"])
    assert content(file) == both


@pytest.mark.parametrize("file", BACKENDS, ids=_name)
def test_the_table_of_backends_knows_each_file(file: Path) -> None:
    """By its pipeline, whose queue is sent after a swap, and by the ports that it listens on."""
    signal, text = file.parent.name, file.read_text()
    for name in file.stem.split("+"):
        backend = BACKENDS_TABLE[signal][name]  # type: ignore[index]  # the folders are the signals
        pipeline = content(file)["service"]["pipelines"][f"{signal}/{name}"]
        exporter = content(file)["exporters"][pipeline["exporters"][0]]
        assert backend.queue == (pipeline["exporters"][0] if "sending_queue" in exporter else "")
        assert bool(backend.places) != bool(backend.unread), "`vitals trace` reads it, or says why not"
        if not backend.server:
            assert set(re.findall(r"(COLLECTOR_\w+_PORT)", file.with_name(f"{name}.yaml").read_text())) == set(backend.ports)
        assert not backend.overlay or (ROOT / "overlays" / f"{backend.overlay}.yaml").is_file()
    assert text.startswith(f"# {signal.capitalize()} "), "the first line says what goes where"


def test_queues_of_former_backends_are_sent_by_a_valid_configuration(
    engine: Callable[[str], Path], engine_environment: dict[str, str], tmp_path: Path
) -> None:
    was = StackSettings.load(metrics_backend="victoriametrics", logs_backend="elasticsearch+loki", traces_backend="otlp")
    now = StackSettings.load(logs_backend="elasticsearch", traces_backend="none")
    queues = queue_drain.planned(queue_drain.planned(queue_drain.Queues(), was), now)
    assert queues.draining == ("metrics/victoriametrics", "logs/loki", "traces/otlp")
    queue_drain.write(tmp_path, queues)
    said = subprocess.run(
        [engine("otelcol"), "validate", *arguments(now), *queue_drain.arguments(tmp_path, queues)],
        env=engine_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


def test_levels_are_found_in_the_same_way_natively_and_in_containers() -> None:
    def from_level_on(name: str) -> list[dict[str, Any]]:
        operators = content(FOLDER / "inputs" / f"{name}.yaml")["receivers"]["file_log/containers"]["operators"]
        return list(operators[[one.get("id") for one in operators].index("level") :])

    assert from_level_on("engine-logs") == from_level_on("container-logs")
