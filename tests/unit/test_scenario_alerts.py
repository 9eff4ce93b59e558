"""From what Prometheus says about alerts to a scenario's verdict: when they fired, and whether those that should and no other."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import pytest

from vitals.errors import StackError
from vitals.scenarios import alerts, expecting
from vitals.scenarios.alerts import Alerts, Episode, Rule, episodes
from vitals.scenarios.catalogue import SCENARIOS, scenario
from vitals.scenarios.expecting import Watch, check
from vitals.scenarios.verdict import Expectation, judge, met
from vitals.scenarios.windows import WINDOWS_FILE, burnt, forgotten_after, seconds, silent_after
from vitals.stack.progress import Silent

BUDGETS = ("ServiceErrorBudgetBurn", "ServiceLatencyBudgetBurn")
NONE: frozenset[str] = frozenset()
DRIFT = frozenset({"FeatureDrift"})
PREDICTION = frozenset({"PredictionDrift"})


def series(state: str, times: list[int], name: str = "FeatureDrift", **labels: str) -> dict[str, Any]:
    """One series of `ALERTS` as query_range gives it."""
    metric = {"__name__": "ALERTS", "alertname": name, "alertstate": state, "scope": "model", "severity": "warning", **labels}
    return {"metric": metric, "values": [[at, "1"] for at in times]}


def episode(name: str, fired: float | None, resolved: float | None = 90.0, scope: str = "model", **labels: str) -> Episode:
    return Episode(name, scope, labels, began=10.0, fired=fired, resolved=resolved)


# --- episodes ---


def test_an_alert_is_pending_then_fires_then_is_resolved() -> None:
    matrix = [
        series("firing", [112, 113, 114], ml_feature_name="x"),
        series("pending", [110, 111], ml_feature_name="x"),
    ]
    [one] = episodes(matrix, zero=100, end=200, step=1)
    assert (one.name, one.scope, one.labels) == ("FeatureDrift", "model", {"ml_feature_name": "x"})
    assert (one.began, one.fired, one.resolved) == (10, 12, 15)


def test_an_alert_that_is_still_there_at_the_end_is_not_resolved() -> None:
    [one] = episodes([series("firing", [198, 199, 200])], zero=100, end=200.4, step=1)
    assert (one.fired, one.resolved) == (98, None)


def test_an_alert_that_was_pending_only_never_fired() -> None:
    [one] = episodes([series("pending", [110, 111])], zero=100, end=200, step=1)
    assert (one.fired, one.resolved) == (None, 12)


def test_a_pause_and_a_new_wait_begin_another_episode() -> None:
    paused = episodes([series("firing", [110, 111, 120, 121])], zero=100, end=200, step=1)
    assert [(one.fired, one.resolved) for one in paused] == [(10, 12), (20, 22)]
    again = episodes([series("firing", [110, 111, 114]), series("pending", [112, 113])], zero=100, end=200, step=1)
    assert [(one.began, one.fired) for one in again] == [(10, 10), (12, 14)]


def test_series_of_one_alert_are_told_apart() -> None:
    found = episodes([series("firing", [110], ml_feature_name=name) for name in "xy"], zero=100, end=200, step=1)
    assert sorted(one.labels["ml_feature_name"] for one in found) == ["x", "y"]


# --- verdicts ---


def test_exactly_the_expected_alerts_are_met() -> None:
    [line] = judge(Expectation(DRIFT), [episode("FeatureDrift", 30, ml_feature_name="x"), episode("FeatureDrift", 20, 80)])
    assert line.well
    assert (line.role, line.fired, line.resolved, line.series, line.about) == ("expected", 20, 90, 2, ("x",))


@pytest.mark.parametrize(
    ("expected", "seen", "why"),
    [
        (Expectation(DRIFT), [], "did not fire"),
        (Expectation(DRIFT), [episode("FeatureDrift", None)], "did not fire"),
        (Expectation(NONE), [episode("FeatureDrift", 20)], "fired, and should not"),
        (Expectation(DRIFT), [episode("FeatureDrift", 20, None)], "is still firing"),
        (Expectation(NONE, DRIFT), [episode("FeatureDrift", 20, None)], "is still firing"),
        (Expectation(DRIFT), [episode("FeatureDrift", 20), episode("FeatureDrift", 25, None)], "is still firing"),
    ],
)
def test_what_is_not_met_says_why(expected: Expectation, seen: list[Episode], why: str) -> None:
    lines = judge(expected, seen)
    assert not met(lines)
    assert [line.why for line in lines if not line.well] == [why]


@pytest.mark.parametrize(
    ("expected", "seen", "role"),
    [
        (Expectation(NONE), [], None),
        (Expectation(NONE), [episode("FeatureDrift", None)], "unexpected"),
        (Expectation(NONE, DRIFT), [episode("FeatureDrift", 20)], "may follow"),
        (Expectation(NONE), [episode("HostCpuBusy", 20, None, scope="host")], "this machine"),
    ],
)
def test_what_does_not_matter_is_shown_and_met(expected: Expectation, seen: list[Episode], role: str | None) -> None:
    lines = judge(expected, seen)
    assert met(lines)
    assert [line.role for line in lines] == ([role] if role else [])


def test_an_alert_about_the_machine_is_asserted_where_it_is_named() -> None:
    expected = Expectation(frozenset({"HostCpuBusy"}))
    assert not met(judge(expected, []))
    assert met(judge(expected, [episode("HostCpuBusy", 20, scope="host")]))


def test_an_alert_of_the_scenarios_own_restart_counts_only_during_the_traffic() -> None:
    def absent(began: float, resolved: float | None) -> Episode:
        return Episode("ServiceAbsent", "service", {}, began=began, fired=began + 15, resolved=resolved)

    expected = Expectation(NONE, restart=frozenset({"ServiceAbsent"}), lasted=60)
    before, during, after = absent(-20, -1), absent(30, 50), absent(60, 80)
    assert [line.role for line in judge(expected, [before, after])] == ["its restart"]
    assert met(judge(expected, [before, after]))
    assert not met(judge(expected, [before, during]))
    assert not met(judge(expected, [absent(60, None)]))  # it never came back
    assert not met(judge(Expectation(NONE, lasted=60), [before]))


# --- the catalogue ---


def test_what_follows_is_exact_for_the_examples_and_allowed_elsewhere() -> None:
    one = scenario("covariate-drift-one")
    elsewhere = one.expectation("somebody's")
    assert elsewhere.fires == one.fires
    assert elsewhere.may == one.follows
    for example, follows in one.in_examples.items():
        assert follows <= one.follows
        assert one.expectation(example) == Expectation(one.fires | follows, restart=one.restart)


def test_an_unknown_scenario_is_a_sentence() -> None:
    with pytest.raises(StackError, match="no scenario 'chaos': there are normal, high-load"):
        scenario("chaos")


def test_every_expected_alert_is_in_the_rules_and_can_fire_in_the_time_given() -> None:
    yaml = pytest.importorskip("yaml")
    for windows in ("demo", "production"):
        rules = {}
        for file in (WINDOWS_FILE.parent / windows).glob("*.yml"):
            for group in yaml.safe_load(file.read_text())["groups"]:
                for rule in group["rules"]:
                    if "alert" in rule:
                        holds = seconds(rule.get("for", "0s"))
                        rules[rule["alert"]] = Rule(rule["alert"], "", "", holds, 0, seconds(group["interval"]))
        for one in SCENARIOS.values():
            check(rules, Expectation(one.fires | one.follows), one.seconds[windows])


def test_what_is_left_of_a_budget_is_asked_with_the_rules_own_numbers() -> None:
    shared = tomllib.loads(WINDOWS_FILE.read_text())["shared"]
    asked = burnt("demo", "orders")
    assert f"> {shared['latency_budget'] / 2}" in asked["ServiceLatencyBudgetBurn"]
    assert f"> {shared['burnt_requests_min'] / 2}" in asked["ServiceErrorBudgetBurn"]
    rules = (WINDOWS_FILE.parent / "demo" / "slo.yml").read_text()
    for promql in asked.values():
        for series in re.findall(r"vitals:[a-z_:]+", promql):
            assert f"record: {series}\n" in rules
        assert re.findall(r"\[(.+)\]", promql)[0] in rules
        assert promql.count('job="orders"') == 2


def test_durations() -> None:
    assert [seconds(text) for text in ("90s", "1h30m", "1d", "500ms")] == [90, 5400, 86400, 0.5]
    for wrong in ("", "90", "s", "1h 5m", "-5s", "5y"):
        with pytest.raises(ValueError, match="is not a duration"):
            seconds(wrong)


def test_the_longest_window_is_that_of_what_traffic_brings(tmp_path: Any) -> None:
    file = tmp_path / "windows.toml"
    file.write_text(
        '[demo]\ninterval = "2m"\n[demo.slo]\nbase = "8s"\nfast = ["10s", "1h"]\n'
        '[demo.drift]\nwindow = "40s"\nfor = "5m"\nkeep = "9m"\n[demo.presence]\nmemory = "1h"\n[demo.host]\ncpu = "10m"\n'
    )
    assert (silent_after("demo", file), forgotten_after("demo", file)) == (40, 3600)
    assert silent_after("demo") <= 90 <= forgotten_after("demo") <= 300
    assert 3600 <= silent_after("production") < forgotten_after("production")


# --- watching ---


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
    monkeypatch.setattr(expecting, "time", passing)
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


def test_no_quiet_in_time_names_what_is_there(clock: Callable[[], float]) -> None:
    with pytest.raises(StackError, match=r"wants the stack to itself, and after \d+ s FeatureDrift is active\."):
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


def test_too_short_a_time_and_a_missing_rule_are_sentences() -> None:
    rules = {"FeatureDrift": Rule("FeatureDrift", "model", "warning", holds=600, keeps_firing=0, every=15)}
    check(rules, Expectation(DRIFT), 630)
    with pytest.raises(StackError, match=r"FeatureDrift can't fire within 60 s.*ALERT_WINDOWS=demo"):
        check(rules, Expectation(DRIFT), 60)
    with pytest.raises(StackError, match="has no alert PredictionDrift"):
        check(rules, Expectation(PREDICTION), 630)


def test_a_prometheus_that_does_not_answer_is_a_sentence() -> None:
    told = Told(alerts=["down"])
    with pytest.raises(StackError, match="does not tell its alerts"):
        told.alerts().now()
