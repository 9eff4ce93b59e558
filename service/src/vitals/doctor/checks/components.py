"""Whether each component is ready, and if not, in what way it is not."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import psutil

from vitals.doctor.finding import Finding, listed
from vitals.doctor.running import Running
from vitals.host.ports import holders
from vitals.host.processes import marked
from vitals.orchestration.failure_sentences import last_trouble

_NAME = "components"

NOTHING_RUNS = "nothing_runs"
"""In the figures where no component of the stack runs: there is nothing else to look at."""


def look(running: Running) -> list[Finding]:
    """A finding for each that is not ready, or one for all."""
    asked = list(running.components.values())
    with ThreadPoolExecutor(len(asked)) as side_by_side:
        reasons = dict(zip(running.components, side_by_side.map(lambda one: one.unready(), asked), strict=True))
    lacking = {name: why for name, why in reasons.items() if why}
    if len(lacking) == len(asked) and all("does not listen" in why for why in lacking.values()) and not _any_process(running):
        return [Finding(_NAME, "wrong", _nothing(running), {"ready": 0, "of": len(asked), NOTHING_RUNS: True})]
    if not lacking:
        return [Finding(_NAME, "ok", f"All {len(asked)} are ready: {listed(reasons, len(asked))}.", {"ready": len(asked)})]
    with ThreadPoolExecutor(len(lacking)) as side_by_side:
        told = side_by_side.map(lambda one: f"{one[0]} {one[1]}. {_what_to_do(running, *one)}", lacking.items())
        return [Finding(_NAME, "wrong", sentence) for sentence in told]


def _any_process(running: Running) -> bool:
    return bool(running.native and marked(running.native.ident))


def _nothing(running: Running) -> str:
    how = "`vitals up` starts it" if running.native else "`docker compose up` starts it"
    return f"Nothing of this stack is running: {how}."


def _stopped(running: Running, name: str) -> int | None:
    """The process behind a component, where it is one of ours that was stopped by a signal."""
    port = httpx.URL(running.components[name].health_url).port
    with contextlib.suppress(psutil.Error):
        for process in holders().get(port or 0, []) if running.native else []:
            if process.status() == psutil.STATUS_STOPPED:
                return process.pid
    return None


def _what_to_do(running: Running, name: str, why: str) -> str:
    if "frozen" in why:
        stopped = _stopped(running, name)
        if stopped:
            return f"Someone stopped its process: `kill -CONT {stopped}` lets it go on."
        return f"{running.how_to_restart(name)} if it stays so; what it said: {running.log_of(name)}"
    if not running.native:
        return f"{running.how_to_start(name)} starts it; what it said: {running.log_of(name)}"
    supervisor = running.native.supervisors[running.group(name)]
    if not supervisor.running():
        return f"Its group was not started, or was stopped: {running.how_to_start(name)}."
    state = next((one for one in supervisor.states() if one.name == name), None)
    if state is None:
        return f"Its supervisor is gone: {running.how_to_start(name)} puts that right."
    again = f", started again {state.restarts} times" if state.restarts > 1 else ", started again once" if state.restarts else ""
    words = last_trouble(supervisor.said(name))
    said = f"its last words: {words} ({running.log_of(name)})" if words else f"its log: {running.log_of(name)}"
    return f"Its supervisor has it as {state.status.lower()}{again}; {said}"
