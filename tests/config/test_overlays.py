"""overlays/: each adds what a backend needs to compose.yaml, confined as everything there is; the backend's file sends to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitals.backends.backend_table import BACKENDS
from vitals.checkout import ROOT
from vitals.engines.recipes import load_recipes

from .backend_rows import SERVERS

pytestmark = pytest.mark.timeout(900)  # the first time docker compose is built

OVERLAYS = sorted(file.stem for file in (ROOT / "overlays").glob("*.yaml"))


@pytest.fixture(scope="module")
def composed(compose: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    """What docker compose makes of compose.yaml and these overlays."""

    def run(*overlays: str, **options: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(compose("config", "--format", "json", overlays=overlays, **options))
        return content

    return run


def added(composed: Callable[..., dict[str, Any]], overlay: str) -> dict[str, Any]:
    plain, whole = composed()["services"], composed(overlay)["services"]
    return {name: service for name, service in whole.items() if name not in plain}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_an_overlay_adds_is_confined(composed: Callable[..., dict[str, Any]], overlay: str) -> None:
    for name, told in added(composed, overlay).items():
        assert told["read_only"] is True
        assert told["cap_drop"] == ["ALL"]
        assert told["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "network_mode", "pid", "ipc", "devices", "cap_add"} & told.keys()
        assert int(told["mem_limit"]) > 0
        assert told.get("restart") == (None if name.endswith("-ready") else "unless-stopped")
        assert all(volume["read_only"] for volume in told.get("volumes", []) if volume["type"] == "bind")
        assert {port["host_ip"] for port in told.get("ports", [])} <= {"127.0.0.1"}
        assert told["logging"]["options"]["tag"] == "{{.Name}}", "its log is collected like all others'"
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", told["image"]), "pinned by its tag"
        assert set(told["profiles"]) == {"", "prom-graf"}


def test_all_overlays_at_once_are_valid(composed: Callable[..., dict[str, Any]]) -> None:
    published = [port["published"] for service in composed(*OVERLAYS)["services"].values() for port in service.get("ports", [])]
    assert len(published) == len(set(published))


@pytest.mark.parametrize("server", SERVERS)
def test_the_collector_sends_to_the_server_that_is_added(composed: Callable[..., dict[str, Any]], server: str) -> None:
    whole = composed(server)["services"]
    environment = whole["collector"]["environment"]
    [signal] = [signal for signal, known in BACKENDS.items() if server in known]
    text = (ROOT / "otel-collector" / "backends" / signal / f"{server}.yaml").read_text()
    [name] = set(re.findall(r"env:(\w+_(?:URL|ENDPOINT))", text))
    assert environment[name].removeprefix("http://") == f"{server}:{SERVERS[server]}"
    assert whole["collector"]["depends_on"][server]["required"] is False, "its side can be alone"
    [ready] = whole[f"{server}-ready"]["command"][1:]
    assert ready.startswith(f"http://{server}:")
    configured = " ".join([*whole[server]["command"], *_configuration(whole[server])])
    assert str(SERVERS[server]) in configured
    assert str(re.search(r":(\d+)/", ready)[1]) in configured  # type: ignore[index]


def _configuration(service: dict[str, Any]) -> list[str]:
    """The texts of the configuration files that are mounted into a server."""
    folders = [Path(volume["source"]) for volume in service.get("volumes", []) if volume["type"] == "bind"]
    return [file.read_text() for folder in folders for file in folder.glob("*.yaml")]


def test_a_server_whose_own_form_of_log_has_no_level_for_the_collector_logs_json(composed: Callable[..., dict[str, Any]]) -> None:
    services = composed(*OVERLAYS)["services"]
    of_victoria = {name for name, one in services.items() if one["image"].startswith("victoriametrics/")}
    assert of_victoria >= {"victoriametrics", "vmalert", "victorialogs"}
    assert all("-loggerFormat=json" in services[name]["command"] for name in of_victoria)


@pytest.mark.parametrize("server", SERVERS)
def test_grafana_gets_a_data_source_that_reads_it(composed: Callable[..., dict[str, Any]], server: str) -> None:
    whole = composed(server)["services"]
    target = f"/etc/grafana/provisioning/datasources/{server}.yaml"
    [mounted] = [volume for volume in whole["grafana"]["volumes"] if volume["target"] == target]
    slot = ROOT / "prom-graf/grafana/provisioning/datasources" / f"{server}.yaml"
    assert yaml.safe_load(slot.read_text()) == {"apiVersion": 1, "datasources": []}, "a mount needs a file to lie on"
    [source] = yaml.safe_load(Path(mounted["source"]).read_text())["datasources"]
    url = re.sub(r"\$\{(\w+)\}", lambda name: str(whole["grafana"]["environment"][name[1]]), source["url"])
    host, port = re.fullmatch(r"http://([\w-]+):(\d+)(?:/[\w/]+)?", url).groups()  # type: ignore[union-attr]
    assert host == server
    assert int(port) in {one["target"] for one in whole[server]["ports"]}
    assert source["uid"] == server


def test_dashboards_read_the_server_that_has_the_metrics(composed: Callable[..., dict[str, Any]]) -> None:
    for server, url in (("victoriametrics", "http://victoriametrics:8428"), ("mimir", "http://mimir:9009/prometheus")):
        assert composed(server)["services"]["grafana"]["environment"]["PROMETHEUS_URL"] == url
    assert composed("loki")["services"]["grafana"]["environment"]["PROMETHEUS_URL"] == "http://prometheus:9090"


def test_prometheus_has_a_target_to_scrape_only_with_its_overlay(composed: Callable[..., dict[str, Any]]) -> None:
    def mounts(*overlays: str) -> dict[str, str]:
        return {volume["target"]: volume["source"] for volume in composed(*overlays)["services"]["prometheus"]["volumes"]}

    assert "/etc/prometheus/collected" not in mounts()
    assert not list((ROOT / "prom-graf/prometheus/collected").glob("*.yml"))
    folder = Path(mounts("prometheus-scrape")["/etc/prometheus/collected"])
    [target] = yaml.safe_load((folder / "compose.yml").read_text())
    port = re.search(
        r"COLLECTOR_SCRAPE_PORT:-(\d+)", (ROOT / "otel-collector/backends/metrics/prometheus-scrape.yaml").read_text()
    )
    assert port is not None
    assert target == {"targets": [f"collector:{port[1]}"]}


def test_victorialogs_is_the_native_one(composed: Callable[..., dict[str, Any]]) -> None:
    contained = composed("victorialogs")["services"]["victorialogs"]
    version = load_recipes(backends=["victorialogs"])["victorialogs"].version
    assert contained["image"] == f"victoriametrics/victoria-logs:v{version}"
    text = (ROOT / "native/process-compose.yaml").read_text().replace("${SERVICE_STOP_SECONDS}", "35")
    native = yaml.safe_load(text)["processes"]["victorialogs"]["command"]
    assert re.findall(r"-\w+=", native) == [flag.partition("=")[0] + "=" for flag in contained["command"]]


def test_victoriametrics_is_the_version_that_tests_swap_to(composed: Callable[..., dict[str, Any]]) -> None:
    services = composed("victoriametrics")["services"]
    version = load_recipes(for_tests=True)["victoriametrics"].version
    assert services["victoriametrics"]["image"] == f"victoriametrics/victoria-metrics:v{version}"
    assert services["vmalert"]["image"] == f"victoriametrics/vmalert:v{version}"


def test_a_token_for_otlp_comes_as_a_file(composed: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer abc")
    collector = composed("otlp", OTLP_BACKEND_AUTHORIZATION_FILE=str(tmp_path / "token"))["services"]["collector"]
    inside = collector["environment"]["OTLP_BACKEND_AUTHORIZATION_FILE"]
    [mounted] = [volume for volume in collector["volumes"] if volume["target"] == inside]
    assert (mounted["source"], mounted["read_only"]) == (str(tmp_path / "token"), True)
