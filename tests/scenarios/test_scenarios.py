"""Every scenario against the real engines: exactly its alerts fire, and the stack is as before afterwards."""

from __future__ import annotations

import signal
import socket
import subprocess
from typing import Any

import httpx2 as httpx
import pytest

from vitals.scenarios.catalogue import SCENARIOS

from ..stack.conftest import VITALS, Stack, eventually
from ..stack.scenarios import table, vitals_scenario

IN_ORDER = [
    "normal",
    "covariate-drift-one",
    "covariate-drift-all",
    "concept-drift",
    "error-storm",
    "backend-outage",
    "high-load",
    "slow-model",  # last, since what it does to the latency's budget takes longest to be forgotten
]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_list_is_whole() -> None:
    assert sorted(IN_ORDER) == sorted(SCENARIOS)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", IN_ORDER)
def test_scenario(stack: Stack, name: str, capsys: Any) -> None:
    model = httpx.get(f"{stack.url}/model", timeout=10).json()
    ready = stack.vitals("status", "--json").stdout
    outcome = vitals_scenario(stack, name)
    with capsys.disabled():
        print("\n" + table(outcome))
    assert outcome["met"], outcome
    assert stack.vitals("status", "--json").stdout == ready
    now = httpx.get(f"{stack.url}/model", timeout=10).json()
    assert (now["name"], now["version"]) == (model["name"], model["version"])


def test_an_interrupted_outage_is_undone(stack: Stack) -> None:
    """SIGTERM in the middle, and an impatient second one: Elasticsearch is there again when the command has ended."""
    command = subprocess.Popen([VITALS, "scenario", "run", "backend-outage"], env=stack.environment, stderr=subprocess.PIPE)
    elasticsearch = stack.settings.elasticsearch_port
    try:
        eventually(lambda: command.poll() is not None or not listens(elasticsearch), within=120, why="Elasticsearch is away")
        assert command.poll() is None, command.communicate()
        command.send_signal(signal.SIGTERM)
        eventually(lambda: listens(elasticsearch), within=120, why="Elasticsearch is being started")
        command.send_signal(signal.SIGTERM)
        _, said = command.communicate(timeout=300)
    finally:
        command.kill()
    assert command.returncode == 128 + signal.SIGTERM, said
    assert stack.vitals("status", "elk").returncode == 0


def test_nothing_was_lost_in_the_outage(stack: Stack) -> None:
    """What was answered while Elasticsearch was away is in it now: as many spans as the service counted requests of its life."""

    def stored() -> int:
        wanted = {"bool": {"filter": [{"term": {"name": "POST /predict"}}, {"term": {"kind": "Server"}}]}}
        asked = {"query": wanted, "size": 0, "track_total_hits": True}
        answer = stack.stores.elasticsearch.post("/traces-*/_search", json=asked)
        return int(answer.raise_for_status().json()["hits"]["total"]["value"])

    before = stored()
    outcome = vitals_scenario(stack, "backend-outage", "--duration", "10s", expect=False)
    assert outcome["traffic"]["failures"] == {}
    eventually(stored, lambda count: count == before + outcome["traffic"]["requests"], within=120)
