"""The alert that Grafana watches itself: of the form that Grafana documents, on series that Prometheus's rules make."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from vitals.checkout import ROOT

PROVISIONING = ROOT / "prom-graf" / "grafana" / "provisioning"
ALERTING = PROVISIONING / "alerting" / "vitals.yaml"
RULES = ROOT / "prom-graf" / "prometheus" / "rules"

KEYS = {
    "rule": {
        *("uid", "title", "condition", "data", "noDataState", "execErrState", "for", "keepFiringFor"),
        *("annotations", "labels", "isPaused", "notification_settings", "dashboardUid", "panelId"),
    },
    "query": {"refId", "queryType", "relativeTimeRange", "datasourceUid", "model"},
    "receiver": {"uid", "type", "settings", "disableResolveMessage"},
    "policy": {"orgId", "receiver", "group_by", "group_wait", "group_interval", "repeat_interval", "routes"},
    "webhook": {"url", "httpMethod", "username", "password", "authorization_scheme", "authorization_credentials", "maxAlerts"},
}
"""What Grafana 12 reads, by its documentation of file provisioning and its types; the rest it passes over in silence."""


@pytest.fixture(scope="module")
def provisioned() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(ALERTING.read_text())
    return content


@pytest.fixture(scope="module")
def rule(provisioned: dict[str, Any]) -> dict[str, Any]:
    [group] = provisioned["groups"]
    assert group.keys() == {"orgId", "name", "folder", "interval", "rules"}
    [only] = group["rules"]
    return dict(only)


def test_it_has_only_keys_that_grafana_reads(provisioned: dict[str, Any], rule: dict[str, Any]) -> None:
    assert provisioned.keys() == {"apiVersion", "groups", "contactPoints", "policies"}
    assert rule.keys() <= KEYS["rule"]
    assert all(query.keys() <= KEYS["query"] for query in rule["data"])
    [point] = provisioned["contactPoints"]
    [receiver] = point["receivers"]
    assert receiver.keys() <= KEYS["receiver"]
    assert receiver["type"] == "webhook"
    assert receiver["settings"].keys() <= KEYS["webhook"]
    [policy] = provisioned["policies"]
    assert policy.keys() <= KEYS["policy"]
    for uid in (rule["uid"], receiver["uid"]):
        assert re.fullmatch(r"[\w-]{1,40}", uid)


def test_every_name_that_it_uses_is_there(provisioned: dict[str, Any], rule: dict[str, Any]) -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources" / "vitals.yaml").read_text())["datasources"]
    known = {source["uid"] for source in sources} | {"__expr__"}
    for query in rule["data"]:
        assert query["datasourceUid"] in known
        assert query["model"]["datasource"]["uid"] == query["datasourceUid"]
        assert query["model"]["refId"] == query["refId"]
    asked, compared = rule["data"]
    assert (compared["model"]["expression"], rule["condition"]) == (asked["refId"], compared["refId"])
    assert provisioned["policies"][0]["receiver"] == provisioned["contactPoints"][0]["name"]
    [dashboards] = yaml.safe_load((PROVISIONING / "dashboards" / "vitals.yaml").read_text())["providers"]
    assert provisioned["groups"][0]["folder"] != dashboards["folder"], "two makers of one folder: one of them fails"


def test_it_is_prometheus_s_concept_drift(rule: dict[str, Any]) -> None:
    """The same series, limits and times; only that 1 says what there is a series for."""
    windows = tomllib.loads((RULES / "windows.toml").read_text())
    groups = yaml.safe_load((RULES / "production" / "quality.yml").read_text())["groups"]
    theirs = [one for group in groups for one in group["rules"] if one.get("alert") == "ConceptDrift"]
    ours = rule["data"][0]["model"]["expr"]
    for one in theirs:
        condition, rows = re.split(r"\s+and\s+", one["expr"].strip())
        as_bool = [re.sub(r" (<|>|>=) ", r" \1 bool ", part) for part in (condition, rows)]
        assert f"({as_bool[0]}) * ({as_bool[1]})" in ours
        assert one["labels"].items() >= rule["labels"].items()
        assert (one["for"], one["keep_firing_for"]) == (rule["for"], rule["keepFiringFor"])
        assert one["annotations"]["runbook_url"].endswith(rule["annotations"]["runbook_url"])
    assert len(theirs) == 2
    assert f">= bool {windows['shared']['labels_min']})" in ours


def test_its_way_out_is_the_history_with_the_stacks_token(provisioned: dict[str, Any]) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    settings = provisioned["contactPoints"][0]["receivers"][0]["settings"]
    assert settings["url"] == "${ALERTS_URL}"
    url = compose["grafana"]["environment"]["ALERTS_URL"]
    assert url == (ROOT / "prom-graf" / "alertmanager" / "history.url").read_text().strip()
    file = re.fullmatch(r"\$__file\{(.+)/alerts-token\}", settings["authorization_credentials"])
    assert file
    assert f"secrets:{file[1]}:ro" in compose["grafana"]["volumes"]
    assert provisioned["policies"][0]["group_by"] == ["..."]
