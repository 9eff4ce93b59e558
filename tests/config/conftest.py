"""What tests of configuration files share: the engines, and a Collector that writes what it would have sent to files."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from vitals.backends.collector_config import OwnLogs, arguments
from vitals.checkout import ROOT
from vitals.engines.cache import Engines
from vitals.engines.recipes import load_recipes
from vitals.settings.stack import StackSettings

from ..ports import free_ports

PASSWORD = "made-up-for-a-test"
DEADLINE_SECONDS = 30

NEEDS_AN_ENGINE = {"engine", "tests_engines"}
"""Fixtures: whoever uses one of them can't run before the engines are built."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs an engine, so that `make check` can do without."""
    if NEEDS_AN_ENGINE & set(getattr(item, "fixturenames", ())):
        item.add_marker("engine")


@pytest.fixture(scope="session")
def engine() -> Callable[[str], Path]:
    """The path of an engine's binary by its name: from the folder ENGINES_BIN where that is set, else from the engines' cache."""

    def find(name: str) -> Path:
        folder = os.environ.get("ENGINES_BIN")
        binary = Path(folder) / name if folder else Engines(StackSettings.load().vitals_cache_dir).binary(name)
        if not binary.exists():
            pytest.fail(f"{name} is not at {binary}: the engines are built by `make`")
        return binary

    return find


@pytest.fixture(autouse=True)
def no_options_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options are their defaults, whatever the shell that runs the tests has set; the engines' cache stays the caller's."""
    for option in StackSettings.model_fields.keys() - {"vitals_cache_dir"}:
        monkeypatch.delenv(option.upper(), raising=False)


@pytest.fixture
def engine_environment(tmp_path: Path) -> dict[str, str]:
    """What an engine's configuration file finds in its environment; ports that are free now, folders of this test."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "elasticsearch-writer-password").write_text(PASSWORD)
    (secrets / "alerts-token").write_text(PASSWORD)
    ports = {name: str(port) for name, port in zip(StackSettings.load().ports(), free_ports(40), strict=False)}
    return {
        **ports,
        "PATH": os.environ["PATH"],
        "LISTEN_HOST": "127.0.0.1",
        "SECRETS_DIR": str(secrets),
        "QUEUE_DIR": str(tmp_path / "queue"),
        "LOGS_DIR": str(tmp_path / "logs"),
        "JAEGER_DATA": str(tmp_path / "jaeger"),
        "JAEGER_TTL": "168h",
        "ELASTICSEARCH_URL": f"http://127.0.0.1:{ports['ELASTICSEARCH_PORT']}",
        "PROMETHEUS_URL": f"http://127.0.0.1:{ports['PROMETHEUS_PORT']}",
        "JAEGER_OTLP_ENDPOINT": f"127.0.0.1:{ports['JAEGER_OTLP_PORT']}",
    }


@dataclass
class Collector:
    """A running Collector whose exporters are files: what a backend would have got can be read."""

    otlp: str
    metrics: str
    folder: Path
    log: Path
    environment: dict[str, str] = field(repr=False)

    def send(self, signal: str, content: dict[str, Any]) -> None:
        """OTLP as JSON over HTTP."""
        httpx.post(f"{self.otlp}/v1/{signal}", json=content, timeout=10).raise_for_status()

    def got(self, pipeline: str) -> list[dict[str, Any]]:
        """What came out of a backend's pipeline so far: one OTLP request each."""
        file = self.folder / f"{pipeline.replace('/', '-')}.json"
        if not file.exists():
            return []
        whole, _, _being_written = file.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def counter(self, name: str, filter_name: str = "") -> float:
        """The sum of one of its own counters over all its labels; of one filter processor alone where it is named."""
        lines = httpx.get(f"{self.metrics}/metrics", timeout=10).text.splitlines()
        label = f'filter="{filter_name}"' if filter_name else ""
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + "{", name + " ")) and label in line)


@pytest.fixture
def run_collector(engine: Callable[[str], Path], engine_environment: dict[str, str], tmp_path: Path) -> Callable[..., Any]:
    """Start the Collector on the real files; the pipelines named in `to_files` get a file for an exporter. It ends by kill -9."""

    @contextmanager
    def run(
        settings: StackSettings,
        to_files: list[str],
        own_logs: OwnLogs = "engine-logs",
        receivers: dict[str, Any] | None = None,
        **environment: str,
    ) -> Iterator[Collector]:
        environment = {**engine_environment, **environment}
        override = tmp_path / "to-files.yaml"
        override.write_text(json.dumps({**_to_files(to_files, tmp_path), "receivers": receivers or {}}))
        log = tmp_path / "collector.log"
        with log.open("wb") as told:
            process = subprocess.Popen(
                [engine("otelcol"), *arguments(settings, own_logs=own_logs), "--config", override],
                env=environment,
                stderr=told,
                stdout=told,
            )
        running = Collector(
            f"http://127.0.0.1:{environment['OTLP_HTTP_PORT']}",
            f"http://127.0.0.1:{environment['COLLECTOR_METRICS_PORT']}",
            tmp_path,
            log,
            environment,
        )
        try:
            wait_for(lambda: _healthy(environment["COLLECTOR_HEALTH_PORT"]) or process.poll() is not None, log.read_text)
            assert process.poll() is None, log.read_text()
            yield running
        finally:
            process.kill()
            process.wait()

    return run


def _to_files(pipelines: list[str], folder: Path) -> dict[str, Any]:
    return {
        "exporters": {
            f"file/{name.replace('/', '-')}": {"path": str(folder / f"{name.replace('/', '-')}.json"), "flush_interval": "50ms"}
            for name in pipelines
        },
        "service": {"pipelines": {name: {"exporters": [f"file/{name.replace('/', '-')}"]} for name in pipelines}},
    }


def _healthy(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}", timeout=1).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def tests_engines() -> Engines:
    cache = Engines(StackSettings.load().vitals_cache_dir, load_recipes(for_tests=True))
    cache.ensure()
    return cache


@pytest.fixture(scope="session")
def compose(tests_engines: Engines) -> Callable[..., str]:
    """Run `docker compose` on compose.yaml and these overlays, without any option of the caller's; it needs no Docker Engine."""

    def run(*arguments: str, overlays: Sequence[str] = (), **options: str) -> str:
        files = [ROOT / "compose.yaml", *(ROOT / "overlays" / f"{name}.yaml" for name in overlays)]
        chosen = [argument for file in files for argument in ("--file", str(file))]
        said = subprocess.run(
            [tests_engines.binary("docker-compose"), *chosen, "--env-file", os.devnull, *arguments],
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **options},
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stderr
        assert "warning" not in said.stderr.lower(), said.stderr
        return said.stdout

    return run


@pytest.fixture
def whole(compose: Callable[..., str]) -> dict[str, Any]:
    """Everything, with the defaults filled in."""
    content: dict[str, Any] = json.loads(compose("config", "--format", "json"))
    return content


@pytest.fixture(name="wait_for", scope="session")
def waiting() -> Callable[..., Any]:
    """`wait_for`, for tests: a test module can't import from here."""
    return wait_for


def wait_for(condition: Callable[[], Any], explain: Callable[[], str] = str) -> Any:
    """Wait until a condition holds, and give its value; fails after the deadline with an explanation."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        if time.monotonic() > end:
            pytest.fail(f"nothing within {DEADLINE_SECONDS} s\n{explain()}")
        time.sleep(0.05)
    return value
