"""What Prometheus says is wrong: targets that it can't scrape, and alerts that fire."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from vitals.doctor.finding import Finding, listed
from vitals.doctor.running import Running


def look_at_targets(running: Running) -> list[Finding]:
    """A finding for each target that is down, or one for all. Raises Away."""
    return targets(running.json("prometheus", "/api/v1/targets", state="active")["data"]["activeTargets"])


def targets(active: list[dict[str, Any]]) -> list[Finding]:
    """From Prometheus's list of its targets; one that was not scraped yet is not down."""
    down = [one for one in active if one["health"] == "down"]
    if not active:
        sentence = "Prometheus scrapes nothing: its folder `targets` has no file. `vitals restart prom-graf` writes it."
        return [Finding("targets", "wrong", sentence)]
    if not down:
        jobs = listed(sorted({one["labels"]["job"] for one in active}), len(active))
        return [Finding("targets", "ok", f"Prometheus scrapes {len(active)}: {jobs}.", {"targets": len(active)})]
    return [
        Finding(
            "targets",
            "wrong",
            f"Prometheus can't scrape {one['labels']['job']} at {one['scrapeUrl']}: {one['lastError']}. Alerts on it are blind.",
            {"job": one["labels"]["job"], "url": one["scrapeUrl"]},
        )
        for one in down
    ]


def look_at_alerts(running: Running) -> list[Finding]:
    """A finding for each alert that fires, or one that none does. Raises Away."""
    return alerts(running.json("prometheus", "/api/v1/alerts")["data"]["alerts"])


def alerts(active: list[dict[str, Any]]) -> list[Finding]:
    """By name, from Prometheus's list: a critical one is wrong, others are warnings."""
    firing: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in active:
        if one["state"] == "firing":
            firing[one["labels"]["alertname"]].append(one)
    if not firing:
        return [Finding("alerts", "ok", "No alert fires.")]
    return [_fires(name, ones) for name, ones in sorted(firing.items())]


def _fires(name: str, ones: list[dict[str, Any]]) -> Finding:
    critical = any(one["labels"].get("severity") == "critical" for one in ones)
    summaries = listed(dict.fromkeys(one["annotations"]["summary"].rstrip(".") for one in ones), 3)
    runbook = ones[0]["annotations"]["runbook_url"]
    sentence = f"{name} fires{f' ({len(ones)} times)' if len(ones) > 1 else ''}: {summaries}. Runbook: {runbook}"
    return Finding(
        "alerts", "wrong" if critical else "warning", sentence, {"alert": name, "firing": len(ones), "runbook": runbook}
    )
