"""Ports for engines and services of tests."""

from __future__ import annotations

import os
import random

import pytest

from vitals.host.ports import in_use

BELOW_OUTGOING = range(12000, 32000)
"""The system takes the ports of outgoing connections from above; one of those could go between the look and the use."""


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody holds."""
    # What runs beside it (pytest-xdist) has ports of its own: between the look and the use another could take one.
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    mine = BELOW_OUTGOING[int(worker.removeprefix("gw")) :: int(workers)]
    found: list[int] = []
    for port in random.sample(mine, len(mine)):
        if len(found) == count:
            return found
        if not in_use(port):
            found.append(port)
    pytest.fail(f"fewer than {count} ports are free")
