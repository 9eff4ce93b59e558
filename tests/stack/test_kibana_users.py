"""The two users that Kibana needs, on a real Elasticsearch: its own connection, and people."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from vitals.host.secrets import Secrets, User

from .conftest import Stack


def _as(stack: Stack, user: User) -> httpx.Client:
    password = Secrets(stack.settings.vitals_state_dir / "secrets").password(user)
    return httpx.Client(base_url=f"http://127.0.0.1:{stack.settings.elasticsearch_port}", auth=(user, password), trust_env=False)


def _may(client: httpx.Client, **asked: list[dict[str, Any]] | list[str]) -> bool:
    answer = client.post("/_security/user/_has_privileges", json=asked)
    assert answer.is_success, answer.text
    return bool(answer.json()["has_all_requested"])


@pytest.mark.parametrize(("user", "roles"), [("kibana", {"kibana_system"}), ("analyst", {"kibana_admin", "telemetry_reader"})])
def test_the_user_is_of_the_file_realm_and_has_its_roles(stack: Stack, user: User, roles: set[str]) -> None:
    with _as(stack, user) as client:
        known = client.get("/_security/_authenticate").raise_for_status().json()
    assert set(known["roles"]) == roles
    assert known["authentication_realm"]["type"] == "file"


def test_kibana_may_keep_its_objects_and_is_no_superuser(stack: Stack) -> None:
    with _as(stack, "kibana") as client:
        assert _may(client, index=[{"names": [".kibana_1", ".kibana_task_manager_1"], "privileges": ["all"]}])
        assert _may(client, cluster=["monitor", "manage_index_templates", "manage_own_api_key"])
        assert not _may(client, index=[{"names": ["anything-else"], "privileges": ["read"]}])
        assert not _may(client, cluster=["manage_security"])


def test_people_may_all_of_kibana_and_only_read_telemetry(stack: Stack) -> None:
    telemetry = ["logs-generic.otel-default", "traces-generic.otel-default"]
    with _as(stack, "analyst") as client:
        assert _may(client, application=[{"application": "kibana-.kibana", "privileges": ["all"], "resources": ["*"]}])
        assert _may(client, index=[{"names": telemetry, "privileges": ["read", "view_index_metadata"]}])
        for more in ("write", "delete", "manage"):
            assert not _may(client, index=[{"names": telemetry, "privileges": [more]}])
        assert not _may(client, index=[{"names": [".kibana_1"], "privileges": ["read"]}])
        assert not _may(client, cluster=["manage_security"])
