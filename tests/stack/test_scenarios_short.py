"""The short scenarios: what is as it should be is silent, what is not fires exactly its alert; all are in tests/scenarios."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Stack
from .scenarios import table, vitals_scenario

pytestmark = pytest.mark.slow


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "fires"),
    # In the order in which each waits least until the windows have forgotten the one before.
    [("concept-drift", ["ConceptDrift"]), ("error-storm", ["ServiceRefusingRequests"]), ("normal", [])],
)
def test_exactly_its_alerts_fire(stack: Stack, name: str, fires: list[str], capsys: Any) -> None:
    outcome = vitals_scenario(stack, name, "--duration", "20s")
    with capsys.disabled():
        print("\n" + table(outcome))
    assert outcome["met"], outcome
    assert [line["alert"] for line in outcome["lines"] if line["fired"] is not None and line["role"] == "expected"] == fires


def test_too_short_a_time_is_a_sentence(stack: Stack) -> None:
    """A cause that does not last long enough can prove nothing: said before anything is sent."""
    done = stack.vitals("scenario", "run", "concept-drift", "--duration", "1s", "--expect")
    assert done.returncode == 2
    assert "can't fire within 1 s" in done.stderr
