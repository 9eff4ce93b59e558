"""What stands in elk/kibana: every field exists, every reference resolves, every query can be read, no secret has a default."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import yaml

from vitals.checkout import ROOT
from vitals.lookup.links import Links, TimeRange
from vitals.provisioning.kibana_objects import FOLDER, data_views, ndjson, saved_objects, trace_link
from vitals.settings.stack import StackSettings

from ..kql import fields, parse

GRAFANA = "http://127.0.0.1:3000"
VIEWS = {view["id"]: view for view in data_views(GRAFANA, "7d")}
OBJECTS = {(one["type"], one["id"]): one for one in saved_objects()}

OF_THE_SERVICE = {
    "logs": {"ml.validation.fields", "ml.validation.reasons"},
    "traces": {"ml.inference.batch.size"},
}
"""Attributes that are mapped when the first one comes, the templates being dynamic there: vitals/model_events writes them."""


def _mapped(signal: str) -> set[str]:
    """Every name that a document of this signal can be searched by: passthrough objects also without their prefix."""
    template = json.loads((ROOT / "elk" / "elasticsearch" / "templates" / f"{signal}.json").read_text())

    def names(properties: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for name, content in properties.items():
            yield prefix + name
            yield from names(content.get("properties", {}), f"{prefix}{name}.")
            if content.get("type") == "passthrough":
                yield from names(content.get("properties", {}))

    return {*names(template["template"]["mappings"]["properties"]), *OF_THE_SERVICE[signal]}


def _fields_of(view: str) -> set[str]:
    signals = {index.partition("-")[0] for index in VIEWS[view]["title"].split(",")}
    return set().union(*(_mapped(signal) for signal in signals))


def _of_type(kind: str) -> list[Any]:
    return [pytest.param(one, id=one["id"]) for one in OBJECTS.values() if one["type"] == kind]


def test_the_services_own_fields_are_written_by_the_service() -> None:
    folder = ROOT / "service" / "src" / "vitals" / "model_events"
    recorder = "".join(file.read_text() for file in folder.glob("*.py"))
    for name in set().union(*OF_THE_SERVICE.values()):
        assert f'"{name}"' in recorder


@pytest.mark.parametrize(
    "file", sorted([*FOLDER.glob("data-views/*.json"), *FOLDER.glob("objects/*.json")]), ids=lambda f: f.stem
)
def test_one_file_is_one_object_called_after_its_id(file: Path) -> None:
    assert json.loads(file.read_text())["id"] == file.stem


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view["id"])
def test_a_data_view_is_about_fields_that_exist(view: dict[str, Any]) -> None:
    assert {view["timeFieldName"], *view["fieldFormats"], *view["fieldAttrs"]} <= _fields_of(view["id"])
    assert view["allowNoIndex"] is True  # at the first start there is no data


def test_data_views_are_those_that_other_parts_link_to() -> None:
    assert {view["id"]: view["title"] for view in VIEWS.values()} == {
        "vitals-logs": "logs-*",
        "vitals-traces": "traces-*",
        "vitals-alerts": "logs-alerts*",
        "vitals-containers": "logs-containers*",
        "vitals-story": "logs-*,traces-*",
    }
    names = [view["name"] for view in VIEWS.values()]
    assert len(set(names)) == len(names)  # Kibana replaces a view of the same name
    for link in ("logs_in_kibana", "spans_in_kibana"):
        url = getattr(Links(StackSettings.load()), link)("0" * 32, TimeRange(0, 1))
        [view] = re.findall(r"dataViewId:'(.+?)'", url)
        assert view in VIEWS


def test_a_trace_id_opens_the_trace_where_vitals_trace_does() -> None:
    link = VIEWS["vitals-logs"]["fieldFormats"]["trace_id"]["params"]["urlTemplate"]
    assert link == trace_link(GRAFANA, "7d")
    assert link.count("{{value}}") == 1
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    ours = urlsplit(link.replace("{{value}}", quote(trace_id)))
    theirs = urlsplit(Links(StackSettings.load()).trace_in_grafana(trace_id, TimeRange(1, 2)))
    assert ours.path == theirs.path
    mine, other = (parse_qs(url.query, strict_parsing=True) for url in (ours, theirs))
    assert mine.keys() == other.keys()
    [pane], [other_pane] = (json.loads(query.pop("panes")[0]).values() for query in (mine, other))
    assert mine == other
    assert pane.pop("range") == {"from": "now-7d", "to": "now"}
    assert other_pane.pop("range")
    assert pane == other_pane
    for view in VIEWS.values():
        assert view["fieldFormats"]["trace_id"]["params"]["urlTemplate"] == link


def test_durations_are_nanoseconds_as_the_template_says() -> None:
    template = json.loads((ROOT / "elk" / "elasticsearch" / "templates" / "traces.json").read_text())
    assert template["template"]["mappings"]["properties"]["duration"]["meta"] == {"unit": "nanos"}
    for view in ("vitals-traces", "vitals-story"):
        assert VIEWS[view]["fieldFormats"]["duration"]["params"]["inputFormat"] == "nanoseconds"


@pytest.mark.parametrize("one", OBJECTS.values(), ids=lambda one: one["id"])
def test_every_reference_resolves_and_each_object_is_managed(one: dict[str, Any]) -> None:
    there = {*OBJECTS, *(("index-pattern", view) for view in VIEWS)}
    assert {(reference["type"], reference["id"]) for reference in one["references"]} <= there
    assert one["managed"] is True  # Kibana offers a copy instead of an edit: the next start would undo the edit


def test_the_export_has_one_valid_object_a_line() -> None:
    lines = ndjson(saved_objects()).decode().splitlines()
    assert len(lines) == len(OBJECTS)
    for line in lines:
        one = json.loads(line)
        for name, value in _packed_values(one["attributes"]):
            assert isinstance(value, str), name
            json.loads(value)


def _packed_values(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("JSON"):
                yield name, inner
            yield from _packed_values(inner)


@pytest.mark.parametrize("search", _of_type("search"))
def test_a_search_asks_for_fields_that_exist(search: dict[str, Any]) -> None:
    attributes = search["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    [reference] = search["references"]
    assert (reference["type"], reference["name"]) == ("index-pattern", source["indexRefName"])
    asked = {
        *attributes["columns"],
        *attributes["grid"].get("columns", {}),
        *(name for name, _ in attributes["sort"]),
        attributes["breakdownField"],
        *fields(parse(source["query"]["query"])),
    }
    assert asked <= _fields_of(reference["id"])
    assert "trace_id" in attributes["columns"] or reference["id"] == "vitals-alerts", "an alert is about many requests"


@pytest.mark.parametrize("chart", _of_type("lens"))
def test_a_chart_asks_for_fields_that_exist_and_draws_columns_that_it_has(chart: dict[str, Any]) -> None:
    state = chart["attributes"]["state"]
    [(name, layer)] = state["datasourceStates"]["formBased"]["layers"].items()
    [reference] = chart["references"]
    assert (reference["type"], reference["name"]) == ("index-pattern", f"indexpattern-datasource-layer-{name}")
    columns = layer["columns"]
    assert list(columns) == layer["columnOrder"]
    asked = {column["sourceField"] for column in columns.values()} - {"___records___"}
    assert asked | fields(parse(state["query"]["query"])) <= _fields_of(reference["id"])
    for column in columns.values():
        assert column.get("params", {}).get("orderBy", {}).get("columnId", "") in {"", *columns}

    drawn = state["visualization"]
    layers = drawn.get("layers", [drawn])
    assert [one["layerId"] for one in layers] == [name]
    used = {value for one in layers for key, value in one.items() if key in ("xAccessor", "splitAccessor", "metricAccessor")}
    assert used | {value for one in layers for value in one.get("accessors", [])} == set(columns)


@pytest.mark.parametrize("dashboard", _of_type("dashboard"))
def test_the_dashboards_panels_are_what_it_refers_to_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    panels = json.loads(dashboard["attributes"]["panelsJSON"])
    referred = {reference["name"]: reference for reference in dashboard["references"]}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        reference = referred.pop(f"{panel['panelIndex']}:{panel['panelRefName']}")
        assert reference["type"] == panel["type"]
        grid = panel["gridData"]
        assert grid["i"] == panel["panelIndex"]
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert grid["x"] + grid["w"] <= 48
        assert not taken & cells
        taken |= cells
    assert not referred


def test_kibana_yml_takes_secrets_from_the_entrypoint_and_has_none_of_its_own(tmp_path: Path) -> None:
    configured = yaml.safe_load((FOLDER / "kibana.yml").read_text())
    secret = {name: value for name, value in configured.items() if name.endswith(("password", "encryptionKey"))}
    assert len(secret) == 4
    assert all(re.fullmatch(r"\$\{VITALS_KIBANA_[A-Z]+(_KEY)?\}", value) for value in secret.values()), secret
    given = _entrypoint(tmp_path, password="x" * 43)
    assert given.returncode == 0, given.stderr
    variables = dict(line.split("=", 1) for line in given.stdout.splitlines() if line.startswith("VITALS_KIBANA_"))
    assert {f"${{{name}}}" for name in variables} == set(secret.values())
    assert variables.pop("VITALS_KIBANA_PASSWORD") == "x" * 43
    assert len(set(variables.values())) == 3
    assert all(len(key) >= 32 for key in variables.values())  # what Kibana wants at least
    assert _entrypoint(tmp_path, password="x" * 43).stdout == given.stdout  # the same keys at each start


def test_compose_gives_kibana_what_kibana_yml_names() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["kibana"]
    named = set(re.findall(r"\$\{(\w+)\}", re.sub(r"(?m)^\s*#.*$", "", (FOLDER / "kibana.yml").read_text())))
    assert {name for name in named if not name.startswith("VITALS_KIBANA_")} <= set(compose["environment"])
    # Names that the image knows become arguments of the command line, for everyone to see.
    assert not {name for name in compose["environment"] if name.startswith(("ELASTICSEARCH_PASSWORD", "XPACK_"))}


def test_kibana_does_not_start_without_its_password(tmp_path: Path) -> None:
    refused = _entrypoint(tmp_path, password="")
    assert refused.returncode == 1
    assert "There is no readable password in" in refused.stderr


def _entrypoint(folder: Path, password: str) -> subprocess.CompletedProcess[str]:
    """Run it with `env` in Kibana's place."""
    (folder / "elasticsearch-kibana-password").write_text(password)
    return subprocess.run(
        ["bash", FOLDER / "entrypoint.sh", "env"],
        env={"PATH": os.environ["PATH"], "SECRETS_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
