"""Running `vitals scenario` against a stack of the tests, and its outcome as a table."""

from __future__ import annotations

import json
from typing import Any

from .conftest import Stack


def vitals_scenario(stack: Stack, name: str, *options: str, expect: bool = True) -> dict[str, Any]:
    """The outcome of a scenario as `--json` gives it; its exit status says the same as `met`."""
    done = stack.vitals("scenario", "run", name, *options, *(["--expect"] if expect else []), "--json", timeout=900)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    assert outcome["met"] == (done.returncode == 0), done.stderr
    return outcome


def table(outcome: dict[str, Any]) -> str:
    """The alerts of an outcome with the seconds after which they fired and were resolved, a line each."""
    traffic = outcome["traffic"]
    lines = [
        f"{outcome['scenario']}: {traffic['requests']} requests in {traffic['seconds']:.0f} s, p99 {traffic['p99_ms']:.0f} ms"
    ]
    for line in outcome["lines"] or []:
        lines.append(
            f"  {line['alert']:<26} {line['role']:<13} fired {line['fired']} s, resolved {line['resolved']} s: {line['why']}"
        )
    return "\n".join(lines)
