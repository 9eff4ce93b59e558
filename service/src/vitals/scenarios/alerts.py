"""What Prometheus says about alerts: those of now, and when each became pending, fired and was resolved."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from vitals.errors import StackError

HOST = "host"
"""The scope of alerts about the machine: they say nothing about a scenario."""

_MOST_POINTS = 10_000  # of one series in an answer of Prometheus; it refuses more than 11,000
_NAMED = ("__name__", "alertname", "alertstate", "severity", "scope")


@dataclass(frozen=True)
class Rule:
    """An alert as the running Prometheus knows it; times in seconds."""

    name: str
    scope: str
    severity: str
    holds: float
    keeps_firing: float
    every: float


@dataclass(frozen=True)
class Active:
    """An alert of now."""

    name: str
    state: str
    scope: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Episode:
    """One time that an alert was active; seconds since the scenario's start, None for what did not happen (yet)."""

    name: str
    scope: str
    labels: dict[str, str]
    began: float
    fired: float | None
    resolved: float | None


class Alerts:
    """Prometheus's alerts, asked over its API.

    Every question raises StackError with a sentence when Prometheus does not answer it.
    """

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def rules(self) -> dict[str, Rule]:
        """The alerting rules, by name."""
        groups = self._ask("/api/v1/rules", type="alert")["groups"]
        return {rule["name"]: _rule(rule, group) for group in groups for rule in group["rules"]}

    def now(self) -> list[Active]:
        """The alerts that are pending or firing now."""
        found = []
        for one in self._ask("/api/v1/alerts")["alerts"]:
            labels = one["labels"]
            found.append(Active(labels["alertname"], one["state"], labels.get("scope", ""), _others(labels)))
        return found

    def value(self, promql: str) -> float:
        """The largest value of an instant query's series; 0 where there is none."""
        answer = self._ask("/api/v1/query", query=promql)["result"]
        values = [float(one["value"][1]) for one in answer]
        return max((value for value in values if not math.isnan(value)), default=0.0)

    def history(self, start: float, end: float, zero: float) -> list[Episode]:
        """The alerts' episodes between two times (Unix seconds), in the order in which they began; told relative to `zero`."""
        step = max(1, math.ceil((end - start) / _MOST_POINTS))
        answer = self._ask("/api/v1/query_range", query="ALERTS", start=start, end=end, step=step)["result"]
        return episodes(answer, zero=zero, end=end, step=step)

    def _ask(self, path: str, **parameters: Any) -> Any:
        try:
            response = self._client.get(path, params=parameters)
            told = response.json()
            if told["status"] != "success":
                raise StackError(f"Prometheus refused a question about alerts: {told.get('error', 'no reason given')}")
            return told["data"]
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as wrong:
            raise StackError(f"Prometheus does not return its alerts ({type(wrong).__name__}); see `vitals status`.") from None


def episodes(series: Iterable[dict[str, Any]], *, zero: float, end: float, step: float) -> list[Episode]:
    """From the matrix of `ALERTS` to episodes: an alert whose samples pause for more than a step was resolved in between."""
    seen: dict[tuple[tuple[str, str], ...], dict[float, str]] = defaultdict(dict)
    for one in series:
        labels = one["metric"]
        key = tuple(sorted((name, value) for name, value in labels.items() if name not in ("__name__", "alertstate")))
        for at, _ in one["values"]:
            if seen[key].get(float(at)) != "firing":  # for an instant both are there
                seen[key][float(at)] = labels["alertstate"]
    found = [
        _episode(dict(key), stretch, zero=zero, end=end, step=step)
        for key, states in seen.items()
        for stretch in _stretches(sorted(states.items()), step)
    ]
    return sorted(found, key=lambda episode: (episode.began, episode.name))


def _stretches(samples: Sequence[tuple[float, str]], step: float) -> list[list[tuple[float, str]]]:
    stretches: list[list[tuple[float, str]]] = []
    for at, state in samples:
        before = stretches[-1][-1] if stretches else None
        if before and at - before[0] <= 1.5 * step and (before[1], state) != ("firing", "pending"):
            stretches[-1].append((at, state))
        else:
            stretches.append([(at, state)])
    return stretches


def _episode(labels: dict[str, str], stretch: list[tuple[float, str]], *, zero: float, end: float, step: float) -> Episode:
    last = stretch[-1][0]
    return Episode(
        name=labels["alertname"],
        scope=labels.get("scope", ""),
        labels=_others(labels),
        began=_since(zero, stretch[0][0]),
        fired=next((_since(zero, at) for at, state in stretch if state == "firing"), None),
        resolved=None if last > end - 1.5 * step else _since(zero, last + step),
    )


def _since(zero: float, at: float) -> float:
    return round(at - zero, 1)


def _rule(rule: dict[str, Any], group: dict[str, Any]) -> Rule:
    labels = rule.get("labels", {})
    return Rule(
        name=rule["name"],
        scope=labels.get("scope", ""),
        severity=labels.get("severity", ""),
        holds=float(rule.get("duration", 0)),
        keeps_firing=float(rule.get("keepFiringFor", 0)),
        every=float(group.get("interval", 0)),
    )


def _others(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in _NAMED}


def now() -> float:
    """Prometheus's clock: it runs on the same machine."""
    return time.time()
