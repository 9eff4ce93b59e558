"""compose.yaml as docker compose reads it: what each profile starts, and which options it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry import environment_variables
from opentelemetry.sdk import environment_variables as sdk_variables

from vitals.backend_rows.table import stack_options
from vitals.backends.backend_table import idle_ports
from vitals.checkout import ROOT
from vitals.orchestration.groups import GROUPS
from vitals.otel_variables import EXCLUDED_URLS
from vitals.settings.images import ContainerSettings
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

from .composed import EVERYTHING, FILE, SIDES

pytestmark = pytest.mark.timeout(900)  # the first time docker compose is built

OVERLAYS = sorted((ROOT / "overlays").glob("*.yaml"))
OPTION = re.compile(r"\$\{([A-Z_]+)(?::-([^{}]*))?\}")


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


def test_one_service_builds_our_image_and_is_there_whatever_is_started(compose: Callable[..., str]) -> None:
    """Several that build one tag at once fail on Docker's containerd image store: "already exists"."""
    for chosen in ([], *(["--profile", side] for side in SIDES)):
        services = json.loads(compose(*chosen, "config", "--format", "json"))["services"]
        assert [name for name, one in services.items() if "build" in one] == ["init"]
        ours = {name: one for name, one in services.items() if one["image"] == services["init"]["image"]}
        assert len(ours) > (0 if chosen else 4)
        # Before the first build each of the others would ask a registry for an image that none has.
        policies = {name: one.get("pull_policy") for name, one in ours.items()}
        assert policies == {**dict.fromkeys(ours, "never"), "init": "missing"}
    for overlay in OVERLAYS:
        content = yaml.safe_load(overlay.read_text())["services"].values()
        assert not [one for one in content if "build" in one], overlay.name
        assert {one.get("pull_policy") for one in content if "VITALS_IMAGE" in one.get("image", "")} <= {"never"}, overlay.name


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
        **{option.name: option.in_compose for option in stack_options() if option.in_compose},
    }
    assert {name: str(theirs.get(name, known.get(name))) for name in used} == used
    assert {name.upper() for name in ContainerSettings.model_fields} <= used.keys()
    differ = ("service_host", "model_dir", "prediction_key_file")
    in_containers_too = {name.upper() for name in Settings.model_fields if name not in differ} | {
        "METRICS_BACKEND",
        "LOGS_BACKEND",
        "TRACES_BACKEND",
        "LOGS_RETENTION",
        "TRACES_RETENTION",
        "METRICS_RETENTION",
    }
    assert in_containers_too <= used.keys()


def test_a_swap_leaves_the_services_container_alone(compose: Callable[..., str], tmp_path: Path) -> None:
    """A container is made anew where anything of its service is another. Here .env is in a folder of the test's own."""
    backends = {option.name for option in stack_options()}

    def service(*lines: str) -> dict[str, Any]:
        (tmp_path / ".env").write_text("\n".join(lines))
        there = ("--project-directory", str(tmp_path), "--env-file", str(tmp_path / ".env"))
        return dict(json.loads(compose(*there, "config", "--format", "json"))["services"]["service"])

    as_it_comes = service()
    assert service(*(f"{name}=other" for name in backends), "LOGS_BACKEND=loki") == as_it_comes
    assert service("METRICS_BACKEND=otlp", "TRACES_BACKEND=jaeger", "QUEUE_BYTES=500000", "COMPOSE_FILE=a.yaml") == as_it_comes
    assert service("OTEL_SERVICE_NAME=other") != as_it_comes
    assert service("LOG_LEVEL=DEBUG") != as_it_comes


def test_the_service_gets_what_is_its_own_and_no_other_line_of_env(compose: Callable[..., str], tmp_path: Path) -> None:
    lines = {
        "OTEL_SERVICE_NAME": "orders",
        "VITALS_FAST_PATH": "off",
        "LOG_LEVEL": "DEBUG",
        "REGISTRY_PASSWORD": "x",
        "QUEUE_BYTES": "1",
    }
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    there = ("--project-directory", str(tmp_path), "--env-file", str(tmp_path / ".env"))
    services = json.loads(compose(*there, "config", "--format", "json"))["services"]
    for name in ("service", "canary"):
        given = services[name]["environment"]
        assert (given["OTEL_SERVICE_NAME"], given["VITALS_FAST_PATH"]) == ("orders", "off")
        assert "REGISTRY_PASSWORD" not in given
        assert "QUEUE_BYTES" not in given
        assert "OTEL_SDK_DISABLED" in given
        assert given["OTEL_SDK_DISABLED"] is None
    assert services["service"]["environment"]["LOG_LEVEL"] == "DEBUG"


def test_all_variables_of_the_sdk_are_passed_on() -> None:
    known = {name for module in (environment_variables, sdk_variables) for name in dir(module) if name.startswith("OTEL_")}
    ours = yaml.safe_load(FILE.read_text())["x-otel"]
    of_no_exporter_of_ours = {name for name in known if "ZIPKIN" in name or "PROMETHEUS" in name}
    assert known - of_no_exporter_of_ours <= ours.keys()
    assert {*EXCLUDED_URLS, "VITALS_FAST_PATH", "OTEL_SEMCONV_STABILITY_OPT_IN"} <= ours.keys()
    assert set(ours.values()) == {None}


def test_the_size_of_queues_reaches_the_collector_only_where_it_is_set(compose: Callable[..., str]) -> None:
    def environment(**options: str) -> dict[str, str | None]:
        services = json.loads(compose("config", "--format", "json", **options))["services"]
        return dict(services["collector"]["environment"])

    assert environment()["QUEUE_BYTES"] is None
    assert environment(QUEUE_BYTES="50000000")["QUEUE_BYTES"] == "50000000"


def test_ports_are_published_on_loopback_and_each_can_be_another(compose: Callable[..., str]) -> None:
    ports = StackSettings.load().ports()
    unpublished = {"ELASTICSEARCH_TRANSPORT_PORT", "JAEGER_OTLP_PORT", "JAEGER_METRICS_PORT", "ALERTS_PORT"}
    unpublished |= {
        port
        for group in ("victorialogs", "collector")
        for port in GROUPS[group].ports
        if port in idle_ports(StackSettings.load())
    }
    others = {name: str(20_000 + number) for number, name in enumerate(sorted(ports.keys() - unpublished))}

    def published(**options: str) -> dict[int, str]:
        services = json.loads(compose("config", "--format", "json", **options))["services"].values()
        found = [port for service in services for port in service.get("ports", [])]
        assert {port["host_ip"] for port in found} == {"127.0.0.1"}
        return {port["target"]: port["published"] for port in found}

    assert published() == {port: str(port) for name, port in ports.items() if name not in unpublished}
    assert published(**others) == {ports[name]: other for name, other in others.items()}


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
