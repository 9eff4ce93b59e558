"""The quickest fault, seen on every `make test`: Elasticsearch killed under load for some seconds; all are in tests/faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..faults.accountant import balance
from ..faults.engines import dead, ready
from ..faults.load import Load
from .conftest import Stack

pytestmark = pytest.mark.slow

AWAY_SECONDS = 8


@pytest.mark.timeout(240)
def test_a_short_outage_of_elasticsearch_loses_nothing(stack: Stack, tmp_path: Path, capsys: Any) -> None:
    with stack.another_service("short-outage") as service:
        with Load(service.url, folder=tmp_path) as load:
            load.wait(3)
            with dead(stack.settings.elasticsearch_port):
                load.wait(AWAY_SECONDS)
            ready(stack, stack.settings.elasticsearch_port)
        answers = load.answers()
        found = balance(stack, "short-outage", answers, within=60)
    with capsys.disabled():
        print(f"\nElasticsearch killed and away for {AWAY_SECONDS} s, {load.rate:.0f} requests/s:\n{found.table()}")
    assert all(one.ok for one in answers)
    assert found.complete, found.table()
