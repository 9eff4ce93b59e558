"""How long the rules look back, from the file that they are made from."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitals.configuration import CONFIGURATION
from vitals.settings.durations import is_length, seconds

WINDOWS_FILE = CONFIGURATION / "prom-graf" / "prometheus" / "rules" / "windows.toml"

_PART = 0.5
_NOT_OF_TRAFFIC = ("host",)
_NOT_WINDOWS = ("for", "keep", "memory", "base")


def silent_after(profile: str, file: Path = WINDOWS_FILE) -> float:
    """Seconds after which no alert fires any more for traffic that has ended, but for the time that it keeps firing.

    Of a pair of windows (budget burn) the shorter counts, since an alert needs both.
    """
    return _longest(profile, min, file)


def forgotten_after(profile: str, file: Path = WINDOWS_FILE) -> float:
    """Seconds after which traffic that has ended makes no difference to any alert: of a pair the longer window counts."""
    return _longest(profile, max, file)


def burnt(profile: str, job: str, file: Path = WINDOWS_FILE) -> dict[str, str]:
    """By the name of a budget's alert, PromQL that gives something where requests of earlier traffic can have a part in it.

    That is: in the longest window they are more than half of what the budget allows, and more than half of what the alert needs.
    """
    tables: dict[str, Any] = tomllib.loads(file.read_text())
    shared, window = tables["shared"], tables[profile]["slo"]["slow"][1]

    def left(kind: str, budget: float, fewest: float) -> str:
        share = f'vitals:requests:{kind}:ratio_rate_slow_long{{job="{job}"}} > {_PART * budget}'
        # What came within four evaluations is recorded at each of them.
        return f'({share} and sum_over_time(vitals:requests:{kind}:grown{{job="{job}"}}[{window}]) / 4 > {_PART * fewest})'

    return {
        "ServiceErrorBudgetBurn": left("availability_errors", shared["availability_budget"], shared["burnt_requests_min"]),
        "ServiceLatencyBudgetBurn": left("slow", shared["latency_budget"], shared["slow_requests_min"]),
    }


def _longest(profile: str, of_pair: Callable[[list[float]], float], file: Path) -> float:
    tables: dict[str, Any] = tomllib.loads(file.read_text())[profile]
    found = [0.0]
    for name, table in tables.items():
        if isinstance(table, dict) and name not in _NOT_OF_TRAFFIC:
            for key, value in table.items():
                durations = [one for one in (value if isinstance(value, list) else [value]) if is_length(one)]
                if durations and key not in _NOT_WINDOWS:
                    found.append(of_pair([seconds(one) for one in durations]))
    return max(found)
