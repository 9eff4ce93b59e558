"""The doctor at a stack of its own: it finds a healthy one healthy, and names each trouble that is really made.

Not the other tests' stack: what they leave behind of drops and alerts is true, and this one's troubles would be theirs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from vitals.doctor import names
from vitals.host.ports import listeners
from vitals.settings.stack import StackSettings

from ..faults.engines import frozen
from .administrator import administrator, ask_for_room
from .conftest import Stack, eventually, new_environment, new_state_folder, running_stack

pytestmark = pytest.mark.slow

Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """A stack that only these tests make trouble in."""
    with new_state_folder() as state, running_stack(new_environment(state)) as stack:
        _become_well(stack)
        yield stack


@pytest.fixture
def stack(own_stack: Stack) -> Iterator[Stack]:
    """It, as healthy after the test as before."""
    yield own_stack
    _become_well(own_stack)


def examined(stack: Stack, environment: dict[str, str] | None = None) -> tuple[int, Findings]:
    """The command's status, and its findings by check."""
    told = Stack(stack.state, environment or stack.environment).vitals("doctor", "--json")
    assert told.returncode in (0, 1), told.stderr
    document = json.loads(told.stdout)
    assert document["well"] == (told.returncode == 0)
    found: Findings = {}
    for one in document["findings"]:
        found.setdefault(one["check"], []).append(one)
    assert list(found) == names(), "every check is named, in order"
    return told.returncode, found


def _become_well(stack: Stack) -> None:
    eventually(lambda: examined(stack), lambda seen: seen[0] == 0, within=150, why="nothing is wrong")


def _until(stack: Stack, check: str, *words: str, within: float = 60) -> Findings:
    """The findings, once one of this check is wrong and has these words."""

    def named(seen: tuple[int, Findings]) -> bool:
        wrong = [one["sentence"] for one in seen[1][check] if one["severity"] == "wrong"]
        return seen[0] == 1 and any(all(word in sentence for word in words) for sentence in wrong)

    return eventually(lambda: examined(stack), named, within=within, why=f"{check} names {words}")[1]


def _holder(port: int) -> int:
    return listeners()[port].pid


def test_a_healthy_stack_is_well_in_every_respect(stack: Stack) -> None:
    trace_id = stack.predict().json()["trace_id"]
    stack.follow(trace_id)
    status, found = examined(stack)
    assert status == 0
    # A machine may be short of disk, or busy enough for an alert.
    may_warn = ("disk", "alerts", "collector log")
    assert {one["severity"] for check, ones in found.items() if check not in may_warn for one in ones} == {"ok"}
    assert found["exporters"][0]["figures"]["sent"] > 0
    printed = stack.vitals("doctor")
    assert printed.returncode == 0
    lines = printed.stdout.splitlines()
    assert [check for check in names() if not any(f" {check} " in line for line in lines)] == []
    assert "Nothing is wrong." in lines[-1]


def test_in_a_container_the_engines_are_where_the_variables_say(stack: Stack) -> None:
    """The same stack, asked as `docker compose run --rm init doctor` asks: only by addresses, and without its ports' options."""
    local = {
        "SERVICE_URL": stack.settings.service_port,
        "COLLECTOR_URL": stack.settings.otlp_http_port,
        "COLLECTOR_HEALTH_URL": stack.settings.collector_health_port,
        "COLLECTOR_METRICS_URL": stack.settings.collector_metrics_port,
        "PROMETHEUS_URL": stack.settings.prometheus_port,
        "ELASTICSEARCH_URL": stack.settings.elasticsearch_port,
        "JAEGER_URL": stack.settings.jaeger_port,
        "JAEGER_HEALTH_URL": stack.settings.jaeger_health_port,
        "NODE_EXPORTER_URL": stack.settings.node_exporter_port,
        "ALERTMANAGER_URL": stack.settings.alertmanager_port,
    }
    ports = {name.upper() for name in StackSettings.model_fields if name.endswith("_port")} | {"SERVICE_PORT"}
    environment = {
        **{name: value for name, value in stack.environment.items() if name not in ports},
        **{name: f"http://127.0.0.1:{port}" for name, port in local.items()},
        "SECRETS_DIR": str(stack.state / "secrets"),
    }
    status, found = examined(stack, environment)
    assert status == 0, found
    skipped = {check for check, ones in found.items() if ones[0]["severity"] == "skipped"}
    assert skipped == {"ports", "collector log"}
    assert "state folder" not in found["disk"][0]["sentence"]


def test_a_frozen_elasticsearch_is_named_and_so_is_what_waits_for_it(stack: Stack) -> None:
    with frozen(stack.settings.elasticsearch_port) as process:
        for _ in range(5):
            stack.predict()
        found = _until(stack, "exporters", "elasticsearch/traces takes nothing", "of traces wait and nothing was sent in")
        [component] = found["components"]
        assert "elasticsearch takes connections" in component["sentence"]
        assert f"Someone stopped its process: `kill -CONT {process.pid}`" in component["sentence"]
        assert {one["severity"] for check in ("writes", "templates") for one in found[check]} == {"skipped"}
        # The others are well, and said to be.
        assert {found[check][0]["severity"] for check in ("ports", "clocks", "targets", "services")} == {"ok"}


def test_a_killed_elasticsearch_is_named_with_what_its_supervisor_does(stack: Stack) -> None:
    os.kill(_holder(stack.settings.elasticsearch_port), signal.SIGKILL)
    for _ in range(5):
        stack.predict()
    status, found = examined(stack)
    [component] = found["components"]
    assert status == 1
    assert "elasticsearch does not listen" in component["sentence"]
    assert "Its supervisor has it as" in component["sentence"]
    assert "elasticsearch.log" in component["sentence"]


def test_the_disks_flood_stage_is_a_refused_write(stack: Stack) -> None:
    """Made by asking for more room than any disk has; Elasticsearch itself then blocks its indices, as on a full disk."""
    with administrator(stack) as admin:
        stack.follow(stack.predict().json()["trace_id"])
        ask_for_room(admin, "900000gb")
        try:
            found = _until(stack, "writes", "refuses writes to", "flood-stage watermark", "it lifts the block by itself")
            assert "less than the flood stage of" in found["disk"][0]["sentence"]
            stack.predict()
            _until(stack, "exporters", "elasticsearch/logs takes nothing")
        finally:
            ask_for_room(admin, None)


def test_a_block_that_someone_set_is_a_refused_write(stack: Stack) -> None:
    """On a data stream of its own: those that the service writes to go on."""
    stream = "logs-doctor.otel-default"
    with administrator(stack) as admin:
        document = {"@timestamp": "2026-01-01T00:00:00Z", "body": {"text": "one"}}
        admin.post(f"/{stream}/_doc", json=document).raise_for_status()
        admin.put(f"/{stream}/_settings", json={"index.blocks.write": True}).raise_for_status()
        try:
            _until(stack, "writes", f"refuses writes to {stream}: index write (api)", "Someone set it")
        finally:
            admin.put(f"/{stream}/_settings", json={"index.blocks.write": None}).raise_for_status()


def test_templates_that_are_missing_or_of_another_version_are_named(stack: Stack) -> None:
    with administrator(stack) as admin:
        kept = {name: _template(admin, name) for name in ("vitals-logs", "vitals-traces")}
        # One that data streams live by can't be deleted, unless another is there for them.
        in_its_place = {**kept["vitals-logs"], "priority": 900}
        admin.put("/_index_template/somebodys", json=in_its_place).raise_for_status()
        try:
            admin.delete("/_index_template/vitals-logs").raise_for_status()
            other = json.loads(json.dumps(kept["vitals-traces"]))
            other["template"]["mappings"]["_meta"]["revision"] = "000000000000"
            admin.put("/_index_template/vitals-traces", json=other).raise_for_status()
            found = _until(stack, "templates", "Index templates are missing: vitals-logs")
            assert "of another version than this checkout's: vitals-traces" in found["templates"][1]["sentence"]
        finally:
            put = Stack(stack.state, stack.environment).vitals("setup-elasticsearch")
            admin.delete("/_index_template/somebodys").raise_for_status()
        assert "put: vitals-logs, vitals-traces" in put.stdout, put.stderr


def _template(admin: httpx.Client, name: str) -> dict[str, Any]:
    [one] = admin.get(f"/_index_template/{name}").raise_for_status().json()["index_templates"]
    template: dict[str, Any] = one["index_template"]
    return {key: template[key] for key in ("index_patterns", "priority", "data_stream", "allow_auto_create", "template", "_meta")}


def test_a_stranger_on_a_port_of_ours_is_named(stack: Stack) -> None:
    port = stack.settings.node_exporter_port
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        os.kill(_holder(port), signal.SIGKILL)

        def taken() -> bool:
            try:
                stranger.bind(("127.0.0.1", port))
            except OSError:
                return False
            stranger.listen()
            return True

        eventually(taken, within=2, why="the port is free before the supervisor starts node_exporter again")
        found = _until(stack, "ports", f"NODE_EXPORTER_PORT {port} is held by", f"(process {os.getpid()})", "not of this stack")
        assert "node_exporter takes connections" in found["components"][0]["sentence"]
        _until(stack, "targets", "Prometheus can't scrape node at")
