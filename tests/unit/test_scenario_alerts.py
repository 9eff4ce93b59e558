"""From what Prometheus says about alerts to a scenario's verdict: when they fired, and whether those that should and no other."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from vitals.errors import StackError
from vitals.scenarios.alert_watcher import check
from vitals.scenarios.alerts import Episode, Rule, episodes
from vitals.scenarios.catalogue import SCENARIOS, scenario
from vitals.scenarios.verdict import Expectation, judge, met
from vitals.scenarios.windows import WINDOWS_FILE, burnt, forgotten_after, silent_after
from vitals.settings.durations import seconds

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


def test_the_longest_window_is_that_of_what_traffic_brings(tmp_path: Any) -> None:
    file = tmp_path / "windows.toml"
    file.write_text(
        '[demo]\ninterval = "2m"\n[demo.slo]\nbase = "8s"\nfast = ["10s", "1h"]\n'
        '[demo.drift]\nwindow = "40s"\nfor = "5m"\nkeep = "9m"\n[demo.presence]\nmemory = "1h"\n[demo.host]\ncpu = "10m"\n'
    )
    assert (silent_after("demo", file), forgotten_after("demo", file)) == (40, 3600)
    assert silent_after("demo") <= 90 <= forgotten_after("demo") <= 300
    assert 3600 <= silent_after("production") < forgotten_after("production")


def test_too_short_a_time_and_a_missing_rule_are_sentences() -> None:
    rules = {"FeatureDrift": Rule("FeatureDrift", "model", "warning", holds=600, keeps_firing=0, every=15)}
    check(rules, Expectation(DRIFT), 630)
    with pytest.raises(StackError, match=r"FeatureDrift can't fire within 60 s.*ALERT_WINDOWS=demo"):
        check(rules, Expectation(DRIFT), 60)
    with pytest.raises(StackError, match="has no alert PredictionDrift"):
        check(rules, Expectation(PREDICTION), 630)
