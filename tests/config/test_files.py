"""Every configuration file says what it is for, holds no secret, and is taken by its engine's own checker."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from string import Template

import pytest
import yaml

from vitals.checkout import ROOT
from vitals.provisioning.elasticsearch_setup import TEMPLATES
from vitals.settings.stack import StackSettings

FOLDERS = (
    "otel-collector",
    "elk/elasticsearch",
    "prom-graf/prometheus",
    "prom-graf/jaeger",
    "prom-graf/alertmanager",
    "overlays",
    "prom-graf/loki",
    "prom-graf/mimir",
    "prom-graf/tempo",
    "prom-graf/grafana/more-datasources",
)
FILES = sorted(
    file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")
)
TYPES_OF_THE_NATIVE_SERVER = {
    "keyword", "text", "date_nanos", "long", "double", "boolean", "byte", "object", "flattened", "passthrough", "alias",
}  # fmt: skip
SECRET = re.compile(r"(?i)^\s*[\w.]*(password|secret|token|api_key)\s*:\s*(?![\"']?\$\{)\S", re.MULTILINE)


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", [file for file in FILES if file.suffix not in (".json", ".url")], ids=name)
def test_a_configuration_file_opens_with_its_purpose(file: Path) -> None:
    assert re.match(r"# [A-Z].{20,}", file.read_text())


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_configuration_file_holds_no_secret(file: Path) -> None:
    assert not SECRET.search(file.read_text())


@pytest.mark.parametrize("way", ["native", "compose"])
def test_prometheus_takes_its_configuration_and_targets(engine: Callable[[str], Path], tmp_path: Path, way: str) -> None:
    folder = ROOT / "prom-graf" / "prometheus"
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("rules", "src"))
    shutil.copytree(folder / "rules" / "production", tmp_path / "rules")
    ports = {port: str(value) for port, value in StackSettings.load().ports().items()}
    if way == "compose":
        shutil.copytree(tmp_path / "collected-in-compose", tmp_path / "collected", dirs_exist_ok=True)
    for kind in ("targets", "alertmanagers", "collected"):
        if way == "native":
            filled = Template((folder / kind / "native.yml.in").read_text()).substitute(ports)
            (tmp_path / kind / "compose.yml").unlink(missing_ok=True)
            (tmp_path / kind / "native.yml").write_text(filled)
    targets = (tmp_path / "targets" / f"{way}.yml").read_text()
    said = subprocess.run(
        [engine("promtool"), "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert "WARNING" not in said.stdout + said.stderr
    jobs = {group["labels"]["job"] for group in yaml.safe_load(targets)}
    assert jobs == {"collector", "prometheus", "jaeger", "node", "alertmanager"}


def test_jaeger_takes_its_configuration(engine: Callable[[str], Path], engine_environment: dict[str, str]) -> None:
    said = subprocess.run(
        [engine("jaeger"), "validate", "--config", ROOT / "prom-graf" / "jaeger" / "jaeger.yaml"],
        env=engine_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("signal", ["logs", "traces"])
def test_an_index_template_wins_and_lets_its_data_streams_come_to_be(signal: str) -> None:
    template = json.loads((TEMPLATES / f"{signal}.json").read_text())
    assert template["index_patterns"] == [f"{signal}-*"]
    assert template["priority"] > 200, "the official image has templates of its own for these names"
    assert template["allow_auto_create"] is True
    assert template["data_stream"] == {}
    assert template["template"]["lifecycle"]["data_retention"] == "${" + signal.upper() + "_RETENTION}"
    settings = template["template"]["settings"]
    assert settings["index.refresh_interval"] == "500ms"
    assert settings["index.mapping.ignore_malformed"] is True
    assert settings["index.mapping.total_fields.ignore_dynamic_beyond_limit"] is True


@pytest.mark.parametrize("signal", ["logs", "traces"])
def test_an_index_template_has_only_field_types_that_the_native_server_knows(signal: str) -> None:
    def types(properties: dict[str, dict[str, object]]) -> set[str]:
        found: set[str] = set()
        for field in properties.values():
            found.add(str(field.get("type", "object")))
            found |= types(field.get("properties", {}))  # type: ignore[arg-type]  # JSON
        return found

    mappings = json.loads((TEMPLATES / f"{signal}.json").read_text())["template"]["mappings"]
    assert types(mappings["properties"]) <= TYPES_OF_THE_NATIVE_SERVER
