"""One scenario from start to verdict: quiet first, then the traffic, then the alerts that it brought about."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vitals.bundle.folder import ServedFolder, read_folder
from vitals.errors import ModelError
from vitals.host.progress import Progress
from vitals.orchestration.native_stack import NativeStack
from vitals.scenarios.alert_watcher import Watch
from vitals.scenarios.catalogue import SLOW_EXAMPLE, Scenario
from vitals.scenarios.disturbances import serving, without_elasticsearch
from vitals.scenarios.traffic.plan import Plan, Told
from vitals.scenarios.traffic.rows import read_rows
from vitals.scenarios.traffic.shifts import feature_to_shift
from vitals.scenarios.traffic.traffic_process import sending
from vitals.scenarios.verdict import Line, met


@dataclass(frozen=True)
class Amount:
    """How much is sent, and how long."""

    users: int
    rate: float
    seconds: float
    feature: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a scenario did; `lines` is None where nothing was expected of it."""

    scenario: str
    model: str
    started_at: float
    traffic: Told
    lines: list[Line] | None
    complaint: str | None

    @property
    def met(self) -> bool:
        """Whether everything was as expected; what was sent has to be answered as it should be, too."""
        return self.complaint is None and met(self.lines or [])


def run(
    scenario: Scenario,
    amount: Amount,
    stack: NativeStack,
    url: str,
    *,
    make_slow_example: Callable[[Path], object],
    watch: Watch | None,
    progress: Progress,
    every_seconds: float = 1.0,
) -> Outcome:
    """Run a scenario against the running stack; with a `watch`, its alerts are judged.

    The stack is as before when this returns or raises: StackError or ModelError, with a sentence.
    """
    folder, served = _folder(scenario, stack, make_slow_example, progress)
    read_rows(folder, served.profile)
    if scenario.bodies == "one feature shifted":
        feature_to_shift(served.profile, amount.feature)
    plan = Plan(
        url=url,
        folder=folder,
        bodies=scenario.bodies,
        labels=scenario.labels,
        feature=amount.feature,
        users=amount.users,
        rate=amount.rate,
        seconds=amount.seconds,
        labels_a_request=min(100, stack.service.instances_max),
    )
    expected = scenario.expectation(served.facts.name)
    if watch is not None:
        watch.check(expected, amount.seconds)
        watch.wait_for_quiet(expected, progress)
    with _disturbed(scenario, folder, stack, progress):
        started = time.time()
        told = _send(scenario, plan, stack.state / "logs" / "scenario-traffic.log", watch, progress, every_seconds)
    lines = None if watch is None else watch.judge(dataclasses.replace(expected, lasted=told.seconds), started, progress)
    return Outcome(scenario.name, served.facts.name, started, told, lines, complaint(scenario, told))


def _folder(
    scenario: Scenario, stack: NativeStack, make_slow_example: Callable[[Path], object], progress: Progress
) -> tuple[Path, ServedFolder]:
    """The folder of the model that answers in this scenario."""
    if scenario.disturbance != "a slow model":
        folder = stack.service.model_folder
        return folder, read_folder(folder)
    folder = stack.state / "scenarios" / SLOW_EXAMPLE
    try:
        return folder, read_folder(folder)
    except ModelError:
        step = f"example {SLOW_EXAMPLE}"
        progress.start(step, 20)
        make_slow_example(folder)
        progress.done(step, "made")
        return folder, read_folder(folder)


def _disturbed(
    scenario: Scenario, folder: Path, stack: NativeStack, progress: Progress
) -> contextlib.AbstractContextManager[None]:
    if scenario.disturbance == "a slow model":
        return serving(stack, folder, progress)
    if scenario.disturbance == "no Elasticsearch":
        return without_elasticsearch(stack, progress)
    return contextlib.nullcontext()


def _send(scenario: Scenario, plan: Plan, log: Path, watch: Watch | None, progress: Progress, every_seconds: float) -> Told:
    told, noted = Told(), 0.0
    progress.start(scenario.name, plan.seconds)
    try:
        with sending(plan, log) as traffic:
            for told in traffic:
                if told.seconds >= noted + every_seconds:
                    noted = told.seconds
                    progress.note(scenario.name, in_words(told, plan) + ("" if watch is None else watch.in_words()))
    except BaseException:
        progress.failed(scenario.name, "stopped")
        raise
    progress.done(scenario.name, in_words(told, plan))
    return told


def in_words(told: Told, plan: Plan) -> str:
    """How the traffic goes, in one line."""
    answered = ", ".join(f"{count} {family}" for family, count in sorted(told.answered.items()))
    failed = f", {told.failed} not as they should be" if told.failed else ""
    return (
        f"{told.seconds:.0f} of {plan.seconds:.0f} s, {told.rate:.0f}/s, {answered or 'no answer yet'}{failed}, "
        f"{told.labels} labels, p99 {told.p99_ms:.0f} ms"
    )


def complaint(scenario: Scenario, told: Told) -> str | None:
    """What is wrong with the answers themselves; None where they are as they should be."""
    if not told.answered:
        return "The service answered nothing."
    if told.failed <= scenario.failures * told.requests:
        return None
    kinds = "; ".join(f"{kind}: {count}" for kind, count in sorted(told.failures.items()))
    return f"{told.failed} of {told.requests} requests were not answered as they should be ({kinds})."
