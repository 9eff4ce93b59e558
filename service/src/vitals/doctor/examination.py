"""Every check, done side by side; whatever becomes of one, the others' findings are there in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vitals.doctor.checks import (
    attribute_keys,
    clocks,
    collector_log,
    components,
    disk,
    drops,
    elasticsearch,
    model,
    ports,
    prometheus,
    queues,
    services,
    variables,
)
from vitals.doctor.finding import Away, Elsewhere, Finding, Severity, is_well
from vitals.doctor.running import Running

LIMIT_SECONDS = 20.0
"""After so long a check is given up; each of its questions has a limit of its own, so that this is for what trickles."""


@dataclass(frozen=True)
class Check:
    """What is looked at, and the function that does; one function may look at several things that belong together."""

    names: tuple[str, ...]
    look: Callable[[Running], list[Finding]]


CHECKS: tuple[Check, ...] = (
    Check(("components",), components.look),
    Check(("ports",), ports.look),
    Check(("variables",), variables.look),
    Check(("model",), model.look),
    Check(("queues", "exporters"), queues.look),
    Check(("drops",), drops.look),
    Check(("services",), services.look),
    Check(("keys",), attribute_keys.look),
    Check(("collector log",), collector_log.look),
    Check(("writes",), elasticsearch.look_at_writes),
    Check(("templates",), elasticsearch.look_at_templates),
    Check(("disk",), disk.look),
    Check(("clocks",), clocks.look),
    Check(("targets",), prometheus.look_at_targets),
    Check(("alerts",), prometheus.look_at_alerts),
)
"""In the order in which they are told: what everything else needs comes first."""


def names(checks: Sequence[Check] = CHECKS) -> list[str]:
    """What is looked at."""
    return [name for check in checks for name in check.names]


def examine(running: Running, checks: Sequence[Check] = CHECKS, limit_seconds: float = LIMIT_SECONDS) -> list[Finding]:
    """What each check found, at least one finding for each of its names, in their order.

    Never raises, and never takes longer than the limit. What could not be looked at is `skipped`, since another check names the
    engine that is away; where none does, it is wrong.
    """
    found: dict[Check, list[Finding]] = {}
    # Daemons: one that hangs does not keep the command from ending.
    threads = [threading.Thread(target=_done, args=(check, running, found), daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limit_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    findings = [one for check in checks for one in found.get(check) or _each(check, "wrong", _too_long(limit_seconds))]
    if any(components.NOTHING_RUNS in one.figures for one in findings):
        idle = "Nothing is running, so there is nothing to check."
        return [replace(one, severity="skipped", sentence=idle, figures={}) if one.severity == "ok" else one for one in findings]
    unseen = [one.check for one in findings if one.severity == "skipped" and "blind" in one.figures]
    if unseen and is_well(findings):
        findings = [replace(one, severity="wrong") if one.check in unseen else one for one in findings]
    return findings


def _done(check: Check, running: Running, found: dict[Check, list[Finding]]) -> None:
    try:
        found[check] = check.look(running)
    except Elsewhere as why:
        found[check] = _each(check, "skipped", str(why))
    except Away as why:
        found[check] = [replace(one, figures={"blind": True}) for one in _each(check, "skipped", str(why))]
    except Exception as wrong:
        # Whatever answers in an engine's place: the other checks are told all the same.
        strange = f"This could not be read ({type(wrong).__name__}: {wrong}): something else answers at that address."
        found[check] = _each(check, "wrong", strange)


def _each(check: Check, severity: Severity, sentence: str) -> list[Finding]:
    return [Finding(name, severity, sentence) for name in check.names]


def _too_long(limit_seconds: float) -> str:
    return f"This check did not finish within {limit_seconds:.0f} s: an engine answers too slowly."
