"""compose.yaml as docker compose reads it: what each profile starts, how it is confined, and that it is the native stack."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitals.settings import ROOT, ContainerSettings, Settings, StackSettings
from vitals.stack import collector_config
from vitals.stack.backends import idle_ports
from vitals.stack.engines import Engines
from vitals.stack.groups import GROUPS, SERVERS, members
from vitals.stack.recipes import load_recipes
from vitals.stack.status import COMPONENTS

pytestmark = pytest.mark.timeout(900)  # the first time docker compose is built

FILE = ROOT / "compose.yaml"
OVERLAYS = sorted((ROOT / "overlays").glob("*.yaml"))
SIDES = {
    "elk": {"init", "elasticsearch", "elasticsearch-setup", "kibana", "kibana-setup"},
    "prom-graf": {"init", "prometheus", "alertmanager", "jaeger", "node_exporter", "grafana"},
    "service": {"init", "collector", "collector-ready", "service"},
}
EVERYTHING = set.union(*SIDES.values())
ONE_SHOTS = {"init", "elasticsearch-setup", "kibana-setup", "collector-ready"}
AS_ROOT = {"init", "collector"}
ADDED_CAPABILITIES = {"init": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}
OPTION = re.compile(r"\$\{([A-Z_]+)(?::-([^{}]*))?\}")


@pytest.fixture(scope="session")
def tests_engines() -> Engines:
    cache = Engines(StackSettings.load().vitals_cache_dir, load_recipes(for_tests=True))
    cache.ensure()
    return cache


@pytest.fixture(scope="session")
def compose(tests_engines: Engines) -> Callable[..., str]:
    """Run `docker compose` on compose.yaml, with nothing of the caller's options; no Docker Engine is needed for that."""

    def run(*arguments: str, **options: str) -> str:
        said = subprocess.run(
            [tests_engines.binary("docker-compose"), "--file", FILE, "--env-file", os.devnull, *arguments],
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


def native() -> dict[str, Any]:
    text = (ROOT / "native" / "process-compose.yaml").read_text()
    content: dict[str, Any] = yaml.safe_load(text.replace("${SERVICE_STOP_SECONDS}", "35"))
    return dict(content["processes"])


@pytest.mark.parametrize(
    ("profiles", "started"),
    [
        ([], EVERYTHING),
        (["*"], EVERYTHING),
        *(([side], services) for side, services in SIDES.items()),
        (["elk", "prom-graf"], SIDES["elk"] | SIDES["prom-graf"]),
        (["elk", "prom-graf", "service"], EVERYTHING),
    ],
    ids=lambda value: "+".join(value) or "plain" if isinstance(value, list) else "",
)
def test_what_a_profile_starts(compose: Callable[..., str], profiles: list[str], started: set[str]) -> None:
    chosen = [argument for name in profiles for argument in ("--profile", name)]
    assert set(compose(*chosen, "config", "--services").split()) == started
    assert set(compose("config", "--services", COMPOSE_PROFILES=",".join(profiles)).split()) == started


def test_every_default_is_that_of_the_settings() -> None:
    known = {
        name.upper(): ""
        if field.default is None
        else str(field.default).lower()
        if isinstance(field.default, bool)
        else field.default
        for settings in (StackSettings, ContainerSettings, Settings)
        for name, field in settings.model_fields.items()
    }
    used = dict(OPTION.findall("\n".join(file.read_text() for file in (FILE, *OVERLAYS))))
    theirs = {
        "COMPOSE_PROJECT_NAME": "",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
        "MODEL_DIR": "model",
        # In containers a server is found by its name.
        "VICTORIAMETRICS_URL": "http://victoriametrics:8428",
        "MIMIR_URL": "http://mimir:9009",
        "LOKI_URL": "http://loki:3100",
        "VICTORIALOGS_URL": "http://victorialogs:9428",
        "TEMPO_OTLP_ENDPOINT": "tempo:4317",
        "OTLP_BACKEND_ENDPOINT": "http://host.docker.internal:4318",
        "OTLP_BACKEND_AUTHORIZATION_FILE": "/dev/null",
    }
    assert {name: str(theirs.get(name, known.get(name))) for name in used} == used
    assert {name.upper() for name in ContainerSettings.model_fields} <= used.keys()
    in_containers_too = {name.upper() for name in Settings.model_fields if name not in ("service_host", "model_dir")} | {
        "METRICS_BACKEND",
        "LOGS_BACKEND",
        "TRACES_BACKEND",
        "LOGS_RETENTION",
        "TRACES_RETENTION",
        "METRICS_RETENTION",
    }
    assert in_containers_too <= used.keys()


def test_ports_are_published_on_loopback_and_each_can_be_another(compose: Callable[..., str]) -> None:
    ports = StackSettings.load().ports()
    unpublished = {"ELASTICSEARCH_TRANSPORT_PORT", "JAEGER_OTLP_PORT", "JAEGER_METRICS_PORT"}
    unpublished |= {
        port for group in ("loki", "collector") for port in GROUPS[group].ports if port in idle_ports(StackSettings.load())
    }
    others = {name: str(20_000 + number) for number, name in enumerate(sorted(ports.keys() - unpublished))}

    def published(**options: str) -> dict[int, str]:
        services = json.loads(compose("config", "--format", "json", **options))["services"].values()
        found = [port for service in services for port in service.get("ports", [])]
        assert {port["host_ip"] for port in found} == {"127.0.0.1"}
        return {port["target"]: port["published"] for port in found}

    assert published() == {port: str(port) for name, port in ports.items() if name not in unpublished}
    assert published(**others) == {ports[name]: other for name, other in others.items()}


@pytest.mark.parametrize("service", sorted(EVERYTHING))
def test_a_container_is_confined(whole: dict[str, Any], service: str) -> None:
    told = whole["services"][service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told.get("cap_add", []) == ADDED_CAPABILITIES.get(service, [])
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & told.keys()
    assert not [volume for volume in told.get("volumes", []) if "docker.sock" in volume["source"]]
    assert (told.get("user", "").split(":")[0] in ("0", "root")) is (service in AS_ROOT)
    assert int(told["mem_limit"]) > 0
    assert told.get("restart") == (None if service in ONE_SHOTS else "unless-stopped")
    bound = [volume for volume in told.get("volumes", []) if volume["type"] == "bind"]
    assert all(volume["read_only"] for volume in bound)


def test_the_limits_fit_a_laptop_and_each_says_why(whole: dict[str, Any]) -> None:
    lasting = [service for name, service in whole["services"].items() if name not in ONE_SHOTS]
    assert 5 * 1024**3 < sum(int(service["mem_limit"]) for service in lasting) < 6.5 * 1024**3
    lines = [line for line in FILE.read_text().splitlines() if line.strip().startswith("mem_limit:")]
    assert len(lines) == len(EVERYTHING)
    assert all(len(line.partition(" # ")[2]) > 20 for line in lines)


def test_the_collector_can_tell_whose_a_line_is_and_never_reads_its_own(whole: dict[str, Any]) -> None:
    for name, service in whole["services"].items():
        if name == "collector":
            assert service["logging"] == {"driver": "local"}
            continue
        assert service["logging"]["driver"] == "json-file"
        assert service["logging"]["options"]["tag"] == "{{.Name}}"
        assert set(service["logging"]["options"]["labels"].split(",")) == {
            "com.docker.compose.project",
            "com.docker.compose.service",
            "com.docker.compose.oneoff",
        }


def test_no_password_is_written_anywhere(whole: dict[str, Any]) -> None:
    for service in whole["services"].values():
        named = [name for name in service.get("environment", {}) if re.search("PASSWORD|SECRET|TOKEN", name)]
        assert set(named) <= {"SECRETS_DIR"}
        mounted = [volume for volume in service.get("volumes", []) if volume["source"] == "secrets"]
        assert all(volume.get("read_only") for volume in mounted) or service["command"] == ["init"]
    readers = {name for name, service in whole["services"].items() if "secrets" in str(service.get("volumes"))}
    assert readers == {"init", "elasticsearch-setup", "kibana", "kibana-setup", "collector", "grafana"}


# --- the native stack in containers ---


def test_each_native_process_is_a_service_of_the_same_side(whole: dict[str, Any]) -> None:
    """Loki's is in its overlay; and the Collector, natively a group of its own, is of the service's side."""
    sides = {group: side for side in SIDES for group in members(side)}  # type: ignore[arg-type]  # a side is a target
    for name, process in native().items():
        if name not in SERVERS:
            assert sides[process["namespace"]] in whole["services"][name]["profiles"]
    assert COMPONENTS.keys() - SERVERS <= whole["services"].keys()
    assert set(GROUPS) == set(sides)


def test_the_flags_are_the_native_ones(whole: dict[str, Any]) -> None:
    values = {
        "$${METRICS_RETENTION}": "15d",
        "$${LISTEN_HOST}": "0.0.0.0",  # noqa: S104 - inside a container
        "${PROMETHEUS_PORT}": "9090",
        "${NODE_EXPORTER_PORT}": "9100",
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
    assert source("jaeger", whole["services"]["jaeger"]["command"][1]) == ROOT / "prom-graf/jaeger/jaeger.yaml"
    assert '"$${CHECKOUT}/prom-graf/jaeger/jaeger.yaml"' in native()["jaeger"]["command"]
    for name in ("elasticsearch.yml", "roles.yml"):
        assert f"/run/elasticsearch/{name}" in (ROOT / "elk/elasticsearch/start-in-container.sh").read_text()
        assert source("elasticsearch", f"/run/elasticsearch/{name}").is_file()
    for service, command in (("elasticsearch-setup", ["setup-elasticsearch"]), ("service", None)):
        assert whole["services"][service]["command"] == command
        assert (" ".join(command or ["serve"]) + "'") in native()[service]["command"] + "'"


def test_a_backend_is_one_option_there_too(compose: Callable[..., str]) -> None:
    told = json.loads(compose("config", "--format", "json", TRACES_BACKEND="jaeger", METRICS_BACKEND="none"))
    files = [word.rpartition("/")[2] for word in told["services"]["collector"]["command"]]
    assert files == ["config.yaml", "none.yaml", "elasticsearch.yaml", "jaeger.yaml", "container-logs.yaml"]


@pytest.mark.parametrize(
    ("service", "files"),
    [
        ("elasticsearch", ["elk/elasticsearch/elasticsearch.yml"]),
        ("jaeger", ["prom-graf/jaeger/jaeger.yaml"]),
        ("collector", ["otel-collector/config.yaml", "otel-collector/inputs/container-logs.yaml", *collector_config.SIGNALS]),
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
        if name in environment or name in made_by_a_script or name in ("QUEUE_BYTES", "HOST_ROOT"):
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
            assert how["condition"] == "process_healthy"
            assert services[name]["depends_on"][other]["condition"] == "service_healthy"
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


def test_alertmanager_takes_its_configuration(tests_engines: Engines) -> None:
    file = ROOT / "prom-graf" / "alertmanager" / "alertmanager.yml"
    said = subprocess.run([tests_engines.binary("amtool"), "check-config", file], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_services_image_is_slim_and_starts_without_a_shell() -> None:
    text = (ROOT / "service" / "Dockerfile").read_text()
    last = text[text.rindex("\nFROM ") :]
    assert "--require-hashes" in text
    assert "requirements/service.txt" in text
    assert not re.search(r"apt|gcc|build-essential|pip install", last)
    assert re.search(r"^USER vitals$", last, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["python"', last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", last, re.MULTILINE)
    assert (ROOT / ".dockerignore").read_text().splitlines()[1:] == [
        "*",
        "!requirements/service.txt",
        "!service/src",
        "**/__pycache__",
    ]
