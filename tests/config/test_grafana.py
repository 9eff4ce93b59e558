"""Grafana's dashboards: fresh, sane, and everything that they point to exists."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from vitals.checkout import ROOT
from vitals_dashboards.boards import slo
from vitals_dashboards.filled import panels, targets, used_variables
from vitals_dashboards.generated import files
from vitals_dashboards.panels.layout import UIDS

GRAFANA = ROOT / "prom-graf" / "grafana"
DASHBOARDS = {file.stem: json.loads(file.read_text()) for file in sorted((GRAFANA / "dashboards").glob("*.json"))}
SOURCES: dict[str, dict[str, Any]] = {
    source["uid"]: source
    for file in sorted((GRAFANA / "provisioning" / "datasources").glob("*.yaml"))
    for source in yaml.safe_load(file.read_text())["datasources"]
}
UNITS = {"none", "short", "s", "bytes", "Bps", "percentunit", "reqps", "cps", "ops", "pps", "dateTimeFromNow"}
"""Grafana's names of units that the dashboards use."""

ONE_VALUE = ("feature",)
"""Variables with one value only: what they choose can't be shown together."""
OF_THE_FLEET = {"vitals-slo": ("service",)}
"""Dashboards that are not about a model, and what is chosen there instead."""

each_dashboard = pytest.mark.parametrize("uid", DASHBOARDS)


def strings(value: Any) -> Iterator[str]:
    """Every string in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def named(value: Any, name: str) -> Iterator[Any]:
    """Every value with this name in a document."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == name:
                yield one
            yield from named(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from named(one, name)


def test_the_dashboards_are_as_their_source_makes_them() -> None:
    """`make dashboards` writes them anew."""
    fresh = files()
    assert {file.name for file in (GRAFANA / "dashboards").iterdir()} == set(fresh)
    for name, text in fresh.items():
        assert (GRAFANA / "dashboards" / name).read_text() == text, f"{name} is stale: make dashboards"


def test_the_five_dashboards_are_there() -> None:
    assert {uid: board["title"] for uid, board in DASHBOARDS.items()} == UIDS
    assert set(UIDS.values()) == {"Service", "Model", "SLO", "Host and process", "Pipeline"}


@each_dashboard
def test_a_dashboard_is_sane(uid: str) -> None:
    board = DASHBOARDS[uid]
    assert board["uid"] == uid
    assert board["schemaVersion"] == 42, "Grafana 12's, and the last of the classic JSON"
    assert board["description"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids), "links to a panel need an id of its own"
    names = [panel["title"] for panel in panels(board)]
    assert len(names) > 10
    in_rows: list[list[tuple[int, int, int, int]]] = []
    for panel in board["panels"]:
        place = panel["gridPos"]
        if panel["type"] == "row":
            in_rows.append([])
        else:
            in_rows[-1].append((place["x"], place["y"], place["w"], place["h"]))
    for row in in_rows:
        assert all(x + w <= 24 for x, _, w, _ in row)
        assert all(not _overlap(a, b) for number, a in enumerate(row) for b in row[:number])


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def test_requests_are_those_of_users() -> None:
    """Neither health checks nor the stack's own canaries are among them."""
    of_requests = re.compile(r"http_server_request_duration_seconds(?:_count|_sum|_bucket)?\{([^}]*)\}")
    selectors = {one for board in DASHBOARDS.values() for panel in panels(board) for one in of_requests.findall(str(panel))}
    assert selectors
    for selector in selectors:
        assert ("http_route!~" in selector and "/health/.*" in selector) or 'http_request_method="POST"' in selector, selector


@each_dashboard
def test_every_panel_says_what_it_is_in_which_unit_and_what_to_do(uid: str) -> None:
    for panel in panels(DASHBOARDS[uid]):
        assert panel["title"]
        assert len(panel.get("description", "")) > 60, f"{panel['title']}: what to do when it looks wrong?"
        assert panel["targets"], panel["title"]
        if panel["type"] != "logs":  # lines of text have none
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        for query in panel["targets"]:
            assert query["refId"]
        references = [query["refId"] for query in panel["targets"]]
        assert len(set(references)) == len(references), panel["title"]


@each_dashboard
def test_every_data_source_used_is_provisioned(uid: str) -> None:
    used = list(named(DASHBOARDS[uid], "datasource"))
    assert used
    for source in used:
        assert SOURCES[source["uid"]]["type"] == source["type"]


@each_dashboard
def test_every_variable_used_exists_and_every_one_is_used(uid: str) -> None:
    board = DASHBOARDS[uid]
    queries = [one.query.get("expr") or one.query["query"] for one in targets(board)]
    defined: list[str] = []
    for variable in board["templating"]["list"]:
        asked = variable["query"]["query"]
        assert asked.startswith("label_values("), variable["name"]
        assert used_variables(asked) <= set(defined), "a variable may use those before it"
        several = variable["name"] not in ONE_VALUE
        assert (variable["multi"], variable["includeAll"]) == (several, several)
        assert variable["description"]
        assert variable["refresh"] == 2, "on a change of the time range: instances come and go"
        defined.append(variable["name"])
        queries.append(asked)
    assert set(OF_THE_FLEET.get(uid, ("model", "version", "instance"))) <= set(defined)
    assert set().union(*map(used_variables, queries)) == set(defined)
    for panel in panels(board):
        assert used_variables(panel["title"]) <= set(ONE_VALUE), "a list of values in a title"


@each_dashboard
def test_a_variable_with_one_value_is_asked_for_as_text(uid: str) -> None:
    """Grafana escapes it as text, not as a regular expression."""
    for one in targets(DASHBOARDS[uid]):
        for name in ONE_VALUE:
            assert not re.search(rf'=~"[^"]*\${name}\b', one.query.get("expr", "")), one.name
        for name in re.findall(r'[^~]"\$(\w+)"', one.query.get("expr", "")):
            assert name in ONE_VALUE, one.name


def test_every_measure_that_is_asked_for_is_recorded_under_both_profiles_of_windows() -> None:
    asked = {
        name
        for board in DASHBOARDS.values()
        for one in targets(board)
        for name in re.findall(r"\bvitals:[\w:]+", one.query.get("expr", ""))
    }
    assert len(asked) > 25
    for profile in ("production", "demo"):
        files_ = (ROOT / "prom-graf" / "prometheus" / "rules" / profile).glob("*.yml")
        recorded = {rule for file in files_ for rule in named(yaml.safe_load(file.read_text()), "record")}
        assert asked <= recorded, profile


def test_every_runbook_that_is_named_is_there() -> None:
    runbooks = {
        name for board in DASHBOARDS.values() for text in strings(board) for name in re.findall(r"docs/runbooks/\w+\.md", text)
    }
    assert len(runbooks) > 5
    for name in runbooks:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("uid", ["vitals-service", "vitals-model", "vitals-slo"])
def test_alerts_that_fire_are_marked_on_the_graphs(uid: str) -> None:
    [marks] = DASHBOARDS[uid]["annotations"]["list"]
    assert marks["enable"]
    assert marks["expr"].startswith("ALERTS{")
    assert 'alertstate="firing"' in marks["expr"]


def test_the_objectives_are_those_of_the_rules() -> None:
    """The dashboard has them in numbers of its own, and the burn rates at which the rules alert."""
    windows = tomllib.loads((ROOT / "prom-graf" / "prometheus" / "rules" / "windows.toml").read_text())["shared"]
    assert pytest.approx(windows["availability_budget"]) == 1 - slo.AVAILABILITY
    assert pytest.approx(windows["latency_budget"]) == 1 - slo.LATENCY


@each_dashboard
def test_the_dashboards_link_to_each_other_and_every_link_leads_somewhere(uid: str) -> None:
    board = DASHBOARDS[uid]
    for link in board["links"]:
        assert (link["keepTime"], link["includeVars"]) == (True, True)
    assert {link["url"] for link in board["links"]} == {f"/d/{other}" for other in UIDS if other != uid}
    for text in strings(board["panels"]):
        assert "http://" not in text, "an address that only one machine has; links out belong to the data sources"
        assert set(re.findall(r"/d/([\w-]+)", text)) <= set(UIDS)


@pytest.mark.parametrize("title", ["Latency: P50, P95, P99 and average", "Latency, all requests", "Inference: P50, P95, P99"])
def test_latency_panels_show_exemplars(title: str) -> None:
    [panel] = [one for board in DASHBOARDS.values() for one in panels(board) if one["title"] == title]
    assert any(query["exemplar"] for query in panel["targets"])


def test_exemplars_are_asked_only_where_there_are_buckets() -> None:
    for board in DASHBOARDS.values():
        for one in targets(board):
            if one.query.get("exemplar"):
                assert "_bucket{" in one.query["expr"], one.name
