"""Grafana's data sources and settings: what they link to exists, is escaped as Grafana wants it, and no password is in a file."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from vitals.backends.backend_table import LOG_PLACES
from vitals.checkout import ROOT
from vitals.lookup.links import GRAFANA_DATA_SOURCES, rison

from .test_grafana import GRAFANA, SOURCES, named, strings

ENVIRONMENT = {"PROMETHEUS_URL", "ELASTICSEARCH_URL", "JAEGER_URL", "ALERTMANAGER_URL", "KIBANA_PUBLIC_URL"}
"""What the container gives to the data sources."""
DATA_VIEWS = {"vitals-logs", "vitals-traces", "vitals-alerts", "vitals-containers"}


def test_the_data_sources_are_those_that_links_are_built_for() -> None:
    assert set(SOURCES) == {"prometheus", "elasticsearch-logs", "elasticsearch-traces", "jaeger", "alertmanager"}
    files = [ROOT / f"prom-graf/grafana/more-datasources/{name}.yaml" for name in LOG_PLACES]
    more = [source for file in files for source in yaml.safe_load(file.read_text())["datasources"]]
    types = {uid: source["type"] for uid, source in SOURCES.items()} | {source["uid"]: source["type"] for source in more}
    assert {uid: types[uid] for uid in GRAFANA_DATA_SOURCES} == GRAFANA_DATA_SOURCES
    assert [uid for uid, source in SOURCES.items() if source.get("isDefault")] == ["prometheus"]
    assert all(source["editable"] is False for source in SOURCES.values())


def test_every_uid_that_a_data_source_names_exists() -> None:
    for source in SOURCES.values():
        for name in ("datasourceUid", "alertmanagerUid"):
            assert set(named(source, name)) <= set(SOURCES)


def test_variables_of_the_environment_and_secrets_are_those_that_the_container_gets() -> None:
    """As Grafana expands them: what stands between two dollars is split off first, then files and variables are filled in."""
    secrets = set()
    for source in SOURCES.values():
        for text in strings(source):
            for part in text.split("$$"):
                secrets |= set(re.findall(r"\$__file\{([^}]+)\}", part))
                rest = re.sub(r"\$__file\{[^}]+\}", "", part)
                assert set(re.findall(r"\$\{(\w+)\}", rest)) <= ENVIRONMENT, text
                assert not re.search(r"\$(?!\{\w+\})", rest), f"Grafana would take this for a variable: {text}"
    assert secrets == {"/run/secrets-vitals/elasticsearch-reader-password"}
    for source in SOURCES.values():
        assert all(value.startswith("$__file{") for value in source.get("secureJsonData", {}).values())
        assert source["url"].startswith("${")


def _filled(text: str) -> str:
    """The text as Grafana keeps it: variables of the environment filled in."""
    parts = (re.sub(r"\$\{(\w+)\}", r"<\1>", part) for part in text.split("$$"))
    return "$".join(parts)


def _links(uid: str) -> list[dict[str, Any]]:
    settings = SOURCES[uid]["jsonData"]
    return [{name: _filled(value) for name, value in link.items()} for link in settings["dataLinks"]]


@pytest.mark.parametrize("uid", ["elasticsearch-logs", "elasticsearch-traces"])
def test_a_document_s_trace_id_leads_to_its_trace_and_to_kibana(uid: str) -> None:
    to_jaeger, to_kibana = _links(uid)
    for link in (to_jaeger, to_kibana):
        assert re.search(link["field"], "trace_id")
        assert not re.search(link["field"], "links.trace_id"), "another trace's id"
    assert (to_jaeger["datasourceUid"], to_jaeger["url"]) == ("jaeger", "${__value.raw}")
    _leads_to_discover(to_kibana["url"])
    assert SOURCES[uid]["jsonData"]["timeField"] == "@timestamp"
    assert SOURCES[uid]["basicAuthUser"] == "reader"


def test_an_exemplar_leads_to_its_trace_and_to_kibana() -> None:
    to_jaeger, to_kibana = SOURCES["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert (to_jaeger["name"], to_jaeger["datasourceUid"]) == ("trace_id", "jaeger")
    assert to_kibana["name"] == "trace_id"
    _leads_to_discover(_filled(to_kibana["url"]))


def _leads_to_discover(url: str) -> None:
    """The address has the form that vitals.lookup.links builds for one trace."""
    base, _, state = unquote(url).partition("#/?_g=(time:(from:now-7d,to:now))&_a=")
    assert base == "<KIBANA_PUBLIC_URL>/app/discover"
    [data_view] = re.findall(r"dataViewId:'([\w-]+)'", state)
    assert data_view in DATA_VIEWS
    kql = 'trace_id : "${__value.raw}"'
    if data_view == "vitals-traces":
        kql += ' or links.trace_id : "${__value.raw}"'
    assert state == rison(
        {
            "dataSource": {"dataViewId": data_view, "type": "dataView"},
            "query": {"language": "kuery", "query": kql},
            "sort": [["@timestamp", "asc"]],
        }
    )
    assert not re.search(r'[\s"]', url), "escaped, so that no client cuts the address short"


def test_a_trace_leads_to_its_logs_and_to_its_metrics() -> None:
    settings = SOURCES["jaeger"]["jsonData"]
    logs = settings["tracesToLogsV2"]
    assert (logs["datasourceUid"], logs["customQuery"]) == ("elasticsearch-logs", True)
    assert _filled(logs["query"]) == "trace_id:${__trace.traceId}"
    metrics = settings["tracesToMetrics"]
    assert metrics["datasourceUid"] == "prometheus"
    assert {tag["value"] for tag in metrics["tags"]} == {"job", "instance"}
    assert all("$__tags" in _filled(query["query"]) for query in metrics["queries"])


def test_the_dashboards_are_provisioned_from_where_they_are_mounted() -> None:
    [provider] = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "vitals.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    assert provider["allowUiUpdates"] is False
    home = _ini()["dashboards"]["default_home_dashboard_path"]
    assert (GRAFANA / "dashboards" / Path(home).name).exists()


def test_every_folder_that_grafana_reads_at_its_start_is_in_what_is_mounted_over_its_own() -> None:
    assert {folder.name for folder in (GRAFANA / "provisioning").iterdir()} == {
        "alerting",
        "dashboards",
        "datasources",
        "plugins",
    }


def _ini() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(GRAFANA / "grafana.ini")
    return parser


def test_grafana_asks_for_a_password_and_tells_nobody() -> None:
    ini = _ini()
    assert ini["security"]["admin_password"] == "$__file{/run/secrets-vitals/grafana-admin-password}"
    assert ini["auth.anonymous"]["enabled"] == "false"
    assert ini["users"]["allow_sign_up"] == "false"
    assert {ini["analytics"][name] for name in ("reporting_enabled", "check_for_updates", "check_for_plugin_updates")} == {
        "false"
    }
    assert ini["plugins"]["preinstall_disabled"] == "true"


@pytest.mark.parametrize("file", [*sorted(GRAFANA.glob("provisioning/*/*.yaml")), GRAFANA / "grafana.ini"], ids=lambda f: f.name)
def test_a_file_opens_with_its_purpose(file: Path) -> None:
    assert re.match(r"[#;] [A-Z].{20,}", file.read_text())
