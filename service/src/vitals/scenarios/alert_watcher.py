"""Watching the alerts around a scenario: quiet before it, those it brings about, and that they are resolved after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from vitals.errors import StackError
from vitals.host.progress import Progress
from vitals.scenarios.alerts import HOST, Active, Alerts, Episode, Rule
from vitals.scenarios.verdict import Expectation, Line, judge, unresolved

QUIET, JUDGED = "no alert active", "alerts"
_ASK_EVERY_SECONDS = 1.0
_SPARE_SECONDS = 30.0
"""For a machine that is busy with something else, too."""

_LOOKBACK_SECONDS = 300.0
"""So long a recorded series is still seen after Prometheus was restarted."""

_MOST_PATIENCE_SECONDS = 3600.0
"""Of a wait for quiet: the longest of the production windows are days."""

_ENGINES = ("collector", "prometheus", "jaeger", "alertmanager", "node")
"""Jobs that are not services: alerts about them count in every scenario."""


class Watch:
    """The alerts of one service and of the engines.

    Traffic that has ended keeps no alert active after `silent_seconds`, and makes no difference to one after `forgotten_seconds`.
    `burnt` has, for the alert on a budget, PromQL that gives something while requests of earlier traffic can have a part in it.
    `job` is the service's name as Prometheus has it; alerts of other services are left out.
    Raises StackError with a sentence where Prometheus does not answer or knows no such alerts.
    """

    def __init__(
        self,
        alerts: Alerts,
        job: str,
        *,
        silent_seconds: float,
        forgotten_seconds: float,
        burnt: Mapping[str, str],
        note_every_seconds: float = 1.0,
    ) -> None:
        self._alerts = alerts
        self._silent = silent_seconds
        self._forgotten = min(max(forgotten_seconds, _LOOKBACK_SECONDS), _MOST_PATIENCE_SECONDS)
        self._job = job
        self._burnt = burnt
        self._rules = alerts.rules()
        self._rows = f'vitals:feature_rows{{job="{job}"}} or vitals:labels:rows{{job="{job}"}}'
        self._note_every = note_every_seconds
        self._since = time.time()

    def check(self, expected: Expectation, seconds: float) -> None:
        """Raises StackError where an expected alert is not a running rule, or can't fire in so many seconds of traffic."""
        check(self._rules, expected, seconds)

    def in_words(self) -> str:
        """The alerts of now, for the progress."""
        try:
            active = self._active()
        except StackError as wrong:
            return f"; {wrong}"
        named = sorted({f"{one.name} {one.state}" for one in active})
        return f"; {', '.join(named)}" if named else "; no alert"

    def wait_for_quiet(self, expected: Expectation, progress: Progress) -> None:
        """Wait until no alert is pending or firing, except about the machine, and no earlier traffic is in the windows.

        What is left of a budget does not matter where the alert on it may fire anyway.
        Raises StackError, naming what is still there, when that takes longer than the rules can need.
        """
        progress.start(QUIET, 10)
        burnt = " or ".join(left for alert, left in self._burnt.items() if alert not in expected.fires | expected.may)

        def noise() -> str:
            active = sorted({one.name for one in self._active()})
            if active:
                return f"{', '.join(active)} {'is' if len(active) == 1 else 'are'} active"
            if burnt and self._alerts.value(burnt) > 0:
                return "requests of earlier traffic that failed or were slow are in the long windows of the budgets"
            rows = self._alerts.value(self._rows)
            return f"{rows:.0f} rows of earlier traffic are in the windows" if rows >= 1 else ""

        patience = self._forgotten + self._slowest()
        left = self._wait(noise, patience, lambda text: progress.note(QUIET, text))
        if left:
            progress.failed(QUIET, left)
            raise StackError(f"--expect needs the stack to itself, and after {patience:.0f} s {left}.")
        progress.done(QUIET)
        self._since = time.time()

    def judge(self, expected: Expectation, started: float, progress: Progress) -> list[Line]:
        """Wait until the expected alerts have fired, what is pending has fired or gone, and what fires is resolved; then judge.

        All alerts since the quiet count; times are told since `started` (Unix seconds).
        """
        progress.start(JUDGED, self._silent)

        def seen() -> list[Episode]:
            every = self._alerts.history(self._since, time.time(), started)
            return [one for one in every if self._counts(one.labels)]

        def waiting_for() -> str:
            now = seen()
            fired = {one.name for one in now if one.fired is not None}
            missing = sorted(expected.fires - fired)
            pending = sorted({one.name for one in now if one.fired is None and one.resolved is None and one.scope != HOST})
            firing = sorted(unresolved(expected, now))
            kinds = {"to fire": missing, "pending": pending, "still firing": firing}
            return "; ".join(f"{what}: {', '.join(names)}" for what, names in kinds.items() if names)

        settling = Settling(waiting_for, self._settle())
        self._wait(settling.left, self._silent + self._slowest() + settling.seconds, lambda text: progress.note(JUDGED, text))
        lines = judge(expected, seen())
        progress.done(JUDGED, "as expected" if all(line.well for line in lines) else "not as expected")
        return lines

    def _active(self) -> list[Active]:
        return [one for one in self._alerts.now() if one.scope != HOST and self._counts(one.labels)]

    def _counts(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert is about the service, the engines, or about nobody in particular."""
        return labels.get("job", self._job) in (self._job, *_ENGINES)

    def _slowest(self) -> float:
        """How long any alert can need to fire and to be resolved, besides its window."""
        of_ours = [rule for rule in self._rules.values() if rule.scope != HOST]
        return max((rule.holds + rule.keeps_firing + 4 * rule.every for rule in of_ours), default=0.0) + _SPARE_SECONDS

    def _settle(self) -> float:
        """Two evaluations: what was measured last has been looked at."""
        return 2 * max((rule.every for rule in self._rules.values()), default=1.0)

    def _wait(self, asked: Callable[[], str], seconds: float, note: Callable[[str], None]) -> str:
        """Ask until the answer is empty, at most so long; gives the last answer."""
        start, noted = time.monotonic(), float("-inf")
        while True:
            try:
                text = asked()
            except StackError as wrong:
                text = str(wrong).rstrip(".")
            now = time.monotonic()
            if not text or now > start + seconds:
                return text
            if now >= noted + self._note_every:
                note(text)
                noted = now
            time.sleep(_ASK_EVERY_SECONDS)


class Settling:
    """Nothing to wait for, and that for some time: what was measured last has been looked at then."""

    def __init__(self, waiting_for: Callable[[], str], seconds: float) -> None:
        """waiting_for: says what is still waited for; empty where nothing is."""
        self.seconds = seconds
        self._waiting_for = waiting_for
        self._quiet_since = time.monotonic()

    def left(self) -> str:
        """What is still waited for, or how long nothing has to happen yet; empty once it is settled."""
        text = self._waiting_for()
        if text:
            self._quiet_since = time.monotonic()
            return text
        left = self.seconds - (time.monotonic() - self._quiet_since)
        return f"nothing active; settled in {left:.0f} s" if left > 0 else ""


def check(rules: Mapping[str, Rule], expected: Expectation, seconds: float) -> None:
    """Raises StackError where an expected alert is not among the rules, or can't fire in so many seconds of traffic."""
    for name in sorted(expected.fires):
        if name not in rules:
            raise StackError(f"The running Prometheus has no alert {name}: load the rules with `vitals restart prom-graf`.")
        needed = rules[name].holds + 2 * rules[name].every
        if seconds < needed:
            raise StackError(
                f"{name} can't fire within {seconds:.0f} s: with these windows its cause has to last for {needed:.0f} s. "
                "Give a longer --duration, or start the stack with ALERT_WINDOWS=demo."
            )
