"""compose.yaml is the native stack in containers: the same processes, flags, files, order and patience."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitals.backends import collector_config
from vitals.checkout import ROOT
from vitals.orchestration.groups import GROUPS, SERVERS, members
from vitals.orchestration.status import COMPONENTS
from vitals.settings.stack import StackSettings

from .composed import EVERYTHING, ONE_SHOTS, SIDES, native

pytestmark = pytest.mark.timeout(900)  # the first time docker compose is built

INPUTS = [f"otel-collector/inputs/{name}.yaml" for name in ("alerts", "container-logs")]


def test_each_native_process_is_a_service_of_the_same_side(whole: dict[str, Any]) -> None:
    """VictoriaLogs's is in its overlay; and the Collector, natively a group of its own, is of the service's side."""
    sides = {group: side for side in SIDES for group in members(side)}  # type: ignore[arg-type]  # a side is a target
    for name, process in native().items():
        if name not in SERVERS:
            assert sides[process["namespace"]] in whole["services"][name]["profiles"]
    assert COMPONENTS.keys() - SERVERS <= whole["services"].keys()
    assert set(GROUPS) == set(sides)


def test_the_flags_are_the_native_ones(whole: dict[str, Any]) -> None:
    values = {
        "$${METRICS_RETENTION}": "31d",
        "$${LISTEN_HOST}": "0.0.0.0",  # noqa: S104 - inside a container
        "${PROMETHEUS_PORT}": "9090",
        "${NODE_EXPORTER_PORT}": "9100",
        "${ALERTMANAGER_PORT}": "9093",
    }

    def flags(name: str) -> dict[str, str]:
        line = native()[name]["command"].replace('"', "")
        for variable, value in values.items():
            line = line.replace(variable, value)
        return dict(word.partition("=")[::2] for word in line.split() if word.startswith("--"))

    def told(name: str) -> dict[str, str]:
        return dict(word.partition("=")[::2] for word in whole["services"][name]["command"])

    theirs = {"--config.file": "/etc/prometheus/prometheus.yml", "--storage.tsdb.path": "/prometheus"}
    assert told("prometheus") == {**flags("prometheus"), **theirs}
    of_the_host = {
        "--path.rootfs": "/host",
        "--path.procfs": "/host/proc",
        "--path.sysfs": "/host/sys",
        "--path.udev.data": "/host/run/udev/data",
    }
    assert told("node_exporter") == {**flags("node_exporter"), **of_the_host}
    assert told("alertmanager") == {**flags("alertmanager"), "--storage.path": "/alertmanager"}


def test_the_configuration_files_are_the_native_ones(whole: dict[str, Any]) -> None:
    def source(service: str, target: str) -> Path:
        """The checkout's file behind a path in a container."""
        for volume in whole["services"][service]["volumes"]:
            if volume["type"] == "bind" and Path(target).is_relative_to(volume["target"]):
                return Path(volume["source"]) / Path(target).relative_to(volume["target"])
        pytest.fail(f"{service} has nothing of the checkout at {target}")

    collector = [word.removeprefix("--config=") for word in whole["services"]["collector"]["command"]]
    assert [source("collector", file) for file in collector] == collector_config.config_files(
        StackSettings.load(), own_logs="container-logs"
    )
    assert source("prometheus", "/etc/prometheus/prometheus.yml") == ROOT / "prom-graf/prometheus/prometheus.yml"
    assert source("prometheus", "/etc/prometheus/rules/slo.yml") == ROOT / "prom-graf/prometheus/rules/production/slo.yml"
    assert source("prometheus", "/etc/prometheus/targets/compose.yml").is_file()
    assert source("prometheus", "/etc/prometheus/alertmanagers/compose.yml").is_file()
    alertmanager = whole["services"]["alertmanager"]
    assert native()["alertmanager"]["working_dir"] == "${ALERTMANAGER_FOLDER}"
    assert source("alertmanager", alertmanager["working_dir"]) == ROOT / "prom-graf/alertmanager"
    assert source("jaeger", whole["services"]["jaeger"]["command"][1]) == ROOT / "prom-graf/jaeger/jaeger.yaml"
    assert '"$${CONFIGURATION}/prom-graf/jaeger/jaeger.yaml"' in native()["jaeger"]["command"]
    for name in ("elasticsearch.yml", "roles.yml"):
        assert f"/run/elasticsearch/{name}" in (ROOT / "elk/elasticsearch/start-in-container.sh").read_text()
        assert source("elasticsearch", f"/run/elasticsearch/{name}").is_file()
    for service, command in (("elasticsearch-setup", ["setup-elasticsearch"]), ("service", None), ("canary", ["canary"])):
        assert whole["services"][service]["command"] == command
        assert (" ".join(command or ["serve"]) + "'") in native()[service]["command"] + "'"


def test_a_backend_is_one_option_there_too(compose: Callable[..., str]) -> None:
    told = json.loads(compose("config", "--format", "json", TRACES_BACKEND="jaeger", METRICS_BACKEND="none"))
    files = [word.rpartition("/")[2] for word in told["services"]["collector"]["command"]]
    assert files == ["config.yaml", "none.yaml", "elasticsearch.yaml", "jaeger.yaml", "alerts.yaml", "container-logs.yaml"]


@pytest.mark.parametrize(
    ("service", "files"),
    [
        ("elasticsearch", ["elk/elasticsearch/elasticsearch.yml"]),
        ("jaeger", ["prom-graf/jaeger/jaeger.yaml"]),
        ("collector", ["otel-collector/config.yaml", *INPUTS, *collector_config.SIGNALS]),
        ("kibana", ["elk/kibana/kibana.yml"]),
        ("grafana", ["prom-graf/grafana/grafana.ini", "prom-graf/grafana/provisioning/datasources/vitals.yaml"]),
    ],
)
def test_every_variable_of_a_configuration_file_is_set(whole: dict[str, Any], service: str, files: list[str]) -> None:
    """Or has a default in the file that is the port or folder of the container."""
    environment = whole["services"][service]["environment"]
    ports = StackSettings.load().ports()
    texts = [(ROOT / file).read_text() for file in files if "/" in file]
    texts += [
        backend.read_text()
        for signal in files
        if "/" not in signal
        for backend in (ROOT / "otel-collector/backends" / signal).iterdir()
    ]
    made_by_a_script = {
        "VITALS_KIBANA_PASSWORD",
        "VITALS_KIBANA_SESSION_KEY",
        "VITALS_KIBANA_OBJECTS_KEY",
        "VITALS_KIBANA_REPORTING_KEY",
    }
    for name, default in re.findall(
        r"(?<!\$)\$\{(?:env:)?([A-Z_]+)(?::-([^}]*))?\}", re.sub(r"(?m)^\s*#.*$", "", "\n".join(texts))
    ):
        if name in environment or name in made_by_a_script or name == "HOST_ROOT":
            continue
        if name in ("LOGS_FILE", "OTLP_BACKEND_AUTHORIZATION_FILE"):  # overlays/file.yaml and otlp.yaml have what they need
            continue
        assert default == str(ports.get(name)), f"{service} lacks {name}"


def test_the_order_is_the_native_one(whole: dict[str, Any]) -> None:
    """Inside a group as process-compose.yaml says; between groups the engines before what sends, as `vitals up` waits."""
    services = whole["services"]
    assert services["collector-ready"]["depends_on"].keys() == {"collector"}
    assert services["service"]["depends_on"]["collector-ready"]["condition"] == "service_completed_successfully"
    for name, process in native().items():
        for other, how in process.get("depends_on", {}).items():
            there = {"process_healthy": "service_healthy", "process_started": "service_started"}[how["condition"]]
            assert services[name]["depends_on"][other]["condition"] == there
    engines = {name for name, process in native().items() if process["namespace"] not in ("collector", "service")} - SERVERS
    assert engines <= services["collector"]["depends_on"].keys()
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            same_side = set(service["profiles"]) <= set(services[other]["profiles"])
            assert how["required"] is same_side, f"{name} on {other}"


def test_what_lasts_says_whether_it_is_well(whole: dict[str, Any]) -> None:
    """All but the Collector, whose image has nothing to ask with: another container asks it."""
    checked = {name for name, service in whole["services"].items() if "test" in service.get("healthcheck", {})}
    assert checked == EVERYTHING - ONE_SHOTS - {"collector"}
    probe = native()["elasticsearch"]["readiness_probe"]["exec"]["command"].replace("${ELASTICSEARCH_PORT}", "9200")
    assert whole["services"]["elasticsearch"]["healthcheck"]["test"][-1] == probe


def test_a_container_may_take_as_long_to_end_as_a_process(whole: dict[str, Any]) -> None:
    def seconds(text: str) -> int:
        minutes, _, rest = text.rpartition("m")
        return int(minutes or 0) * 60 + int(rest.removesuffix("s"))

    for name, process in native().items():
        if name in SERVERS:
            continue
        grace = whole["services"][name].get("stop_grace_period", "10s")
        if name not in ONE_SHOTS:
            assert seconds(grace) >= process["shutdown"]["timeout_seconds"], name
