"""How the containers of compose.yaml are confined: rights, memory, logs, and who may read which secret."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .composed import EVERYTHING, FILE, ONE_SHOTS

pytestmark = pytest.mark.timeout(900)  # the first time docker compose is built

AS_ROOT = {"init", "collector"}
SECRET = ("secrets", "prediction-key", "reader-password")
ADDED_CAPABILITIES = {"init": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}


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
        mounted = [volume for volume in service.get("volumes", []) if volume["source"] in SECRET]
        assert all(volume.get("read_only") for volume in mounted) or service["command"] == ["init"]

    def with_volume(source: str) -> set[str]:
        services = whole["services"].items()
        return {name for name, service in services if source in (volume["source"] for volume in service.get("volumes", []))}

    readers = {"init", "elasticsearch-setup", "kibana", "kibana-setup", "collector", "grafana", "alertmanager"}
    assert with_volume("secrets") == readers
    assert with_volume("prediction-key") == {"init", "service"}, "the service, which anyone may ask, sees no other"
    assert with_volume("reader-password") == {"init", "canary"}, "the canary reads this password and no other"
