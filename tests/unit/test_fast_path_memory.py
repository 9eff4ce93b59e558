"""What clients send freely takes no lasting memory on the fast path, however much of it comes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vitals.checkout import ROOT

from .fast_path_memory import KINDS, LONG, REQUESTS

pytestmark = pytest.mark.slow

ALLOWED_BYTES = 3_000_000
"""Less than a sixth of what the clients sent; a thousand addresses of clients, which are remembered, take 2.1 MB."""


@pytest.fixture(scope="module")
def kept() -> dict[str, int]:
    command = [sys.executable, "-m", "tests.unit.fast_path_memory"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    return dict(json.loads(ran.stdout))


@pytest.mark.parametrize("given", KINDS)
def test_what_clients_send_freely_is_not_kept(given: str, kept: dict[str, int]) -> None:
    assert REQUESTS * LONG > 6 * ALLOWED_BYTES
    assert kept[given] < ALLOWED_BYTES, f"{kept[given]:,} bytes are kept of {REQUESTS} requests with a {given} of their own"
