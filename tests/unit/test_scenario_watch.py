"""A scenario watching Prometheus: it waits for quiet before, and judges when nothing more can come."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import pytest

from vitals.errors import StackError
from vitals.host.progress import Silent
from vitals.scenarios import alert_watcher, alerts
from vitals.scenarios.alert_watcher import Watch
from vitals.scenarios.alerts import Alerts
from vitals.scenarios.verdict import Expectation

from .test_scenario_alerts import DRIFT, NONE, series

BUDGETS = ("ServiceErrorBudgetBurn", "ServiceLatencyBudgetBurn")


class Told:
    """Prometheus's answers as a script: each question takes the next of its answers, the last one for ever."""

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = {name: itertools.chain(given, itertools.repeat(given[-1])) for name, given in answers.items()}
        self.rule = {"name": "FeatureDrift", "labels": {"scope": "model"}, "duration": 4, "keepFiringFor": 2}
        self.asked: list[str] = []

    def alerts(self) -> Alerts:
        alerts = Alerts("http://127.0.0.1:1")
        alerts._client = httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(self._answer))
        return alerts

    def _answer(self, request: httpx.Request) -> httpx.Response:
        what = request.url.path.rsplit("/", 1)[1]
        self.asked.append(what)
        if what == "rules":
            data: Any = {"groups": [{"interval": 2, "rules": [self.rule]}]}
        else:
            given = next(self._answers[what])
            if given == "down":
                return httpx.Response(503, text="starting")
            data = {"alerts": given} if what == "alerts" else {"result": given}
        return httpx.Response(200, content=json.dumps({"status": "success", "data": data}))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """Time passes by being slept."""
    now = [1000.0]
    passing = SimpleNamespace(
        sleep=lambda wanted: now.__setitem__(0, now[0] + wanted), monotonic=lambda: now[0], time=lambda: now[0]
    )
    # In these two modules only: threads that other tests left behind sleep too, and their sleep would be time that passes here.
    monkeypatch.setattr(alert_watcher, "time", passing)
    monkeypatch.setattr(alerts, "time", passing)
    return lambda: now[0]


def watching(alerts: Alerts) -> Watch:
    budgets = dict.fromkeys(BUDGETS, "1")
    return Watch(alerts, "vitals", silent_seconds=60, forgotten_seconds=90, burnt=budgets)


ACTIVE = {"labels": {"alertname": "FeatureDrift", "scope": "model"}, "state": "pending"}
BUSY = {"labels": {"alertname": "HostCpuBusy", "scope": "host"}, "state": "firing"}
ROWS = [{"metric": {}, "value": [0, "120"]}]
BURNT = [{"metric": {}, "value": [0, "0.8"]}]
NOTHING = [{"metric": {}, "value": [0, "NaN"]}]


def test_quiet_is_no_alert_and_no_earlier_traffic(clock: Callable[[], float]) -> None:
    told = Told(alerts=[[ACTIVE], "down", [BUSY]], query=[BURNT, NOTHING, ROWS, NOTHING])
    watching(told.alerts()).wait_for_quiet(Expectation(NONE), Silent())
    assert told.asked == ["rules", "alerts", "alerts", "alerts", "query", "alerts", "query", "query", "alerts", "query", "query"]
    assert clock() == 1004


def test_a_burnt_budget_does_not_matter_where_its_alert_may_fire(clock: Callable[[], float]) -> None:
    asked = Told(alerts=[[]], query=[NOTHING])
    both = frozenset(BUDGETS)
    watching(asked.alerts()).wait_for_quiet(Expectation(NONE, both), Silent())
    assert asked.asked == ["rules", "alerts", "query"]
    assert clock() == 1000


@pytest.mark.slow
def test_no_quiet_in_time_names_what_is_there(clock: Callable[[], float]) -> None:
    with pytest.raises(StackError, match=r"needs the stack to itself, and after \d+ s FeatureDrift is active\."):
        watching(Told(alerts=[[ACTIVE]], query=[[]]).alerts()).wait_for_quiet(Expectation(NONE), Silent())
    with pytest.raises(StackError, match="120 rows of earlier traffic"):
        watching(Told(alerts=[[BUSY]], query=[NOTHING, ROWS] * 500).alerts()).wait_for_quiet(Expectation(NONE), Silent())
    assert clock() > 1000 + 2 * 60


def test_judging_waits_until_the_expected_alert_fired_and_was_resolved(clock: Callable[[], float]) -> None:
    pending, firing = series("pending", [1003, 1004]), series("firing", [1005, 1006])
    told = Told(query_range=[[], [pending], "down", [pending, firing]])
    [line] = watching(told.alerts()).judge(Expectation(DRIFT), 1000.0, Silent())
    assert line.well
    assert (line.began, line.fired, line.resolved) == (3, 5, 7)
    assert clock() >= 1007 + 4  # two evaluations without anything new


def test_judging_ends_in_time_where_nothing_fires(clock: Callable[[], float]) -> None:
    [line] = watching(Told(query_range=[[]]).alerts()).judge(Expectation(DRIFT), 1000.0, Silent())
    assert (line.well, line.why) == (False, "did not fire")
    assert 60 < clock() - 1000 < 180


def test_an_alert_that_comes_during_the_settling_counts(clock: Callable[[], float]) -> None:
    late = series("firing", [1002], name="PredictionDrift")
    told = Told(query_range=[[], [late]])
    [line] = watching(told.alerts()).judge(Expectation(NONE), 1000.0, Silent())
    assert (line.alert, line.why) == ("PredictionDrift", "fired, and should not")


def test_alerts_of_another_service_do_not_count(clock: Callable[[], float]) -> None:
    theirs = {"labels": {"alertname": "ServiceAbsent", "scope": "service", "job": "orders"}, "state": "firing"}
    gone = series("firing", [1000, 1001], name="ServiceAbsent", job="orders")
    ours = series("firing", [1002], name="TelemetryDropped", job="collector")
    told = Told(alerts=[[theirs]], query=[[]], query_range=[[gone, ours]])
    watch = watching(told.alerts())
    watch.wait_for_quiet(Expectation(NONE), Silent())
    assert clock() == 1000
    assert [line.alert for line in watch.judge(Expectation(NONE), 1000.0, Silent())] == ["TelemetryDropped"]


def test_a_prometheus_that_does_not_answer_is_a_sentence() -> None:
    told = Told(alerts=["down"])
    with pytest.raises(StackError, match="does not return its alerts"):
        told.alerts().now()
