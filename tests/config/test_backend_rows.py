"""A backend is one row: the table, the settings and the files of the checkout hold each other to it, in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import typer.testing
import yaml

from vitals.backend_rows.row import Backend, Notes, Option, Place, Signal
from vitals.backend_rows.table import BACKENDS, TOGETHER, overlay_options, rows, stack_options
from vitals.backends.backend_table import LOG_PLACES, environment
from vitals.backends.backends_page import tables
from vitals.backends.collector_config import available
from vitals.checkout import ROOT
from vitals.cli.verbs.backends import backends
from vitals.engines.recipes import load_recipes
from vitals.lookup.clients import Stores
from vitals.lookup.links import GRAFANA_DATA_SOURCES
from vitals.orchestration.groups import GROUPS, SERVERS
from vitals.orchestration.native_stack import USUAL_SECONDS
from vitals.orchestration.status import COMPONENTS
from vitals.settings.images import ContainerSettings
from vitals.settings.stack import StackSettings

from . import backend_rows

ROWS = [(signal, name) for signal, known in BACKENDS.items() for name in known]


@pytest.mark.parametrize(("signal", "name"), ROWS)
def test_a_row_lacks_nothing(signal: Signal, name: str) -> None:
    lacking = backend_rows.lacks(signal, name, BACKENDS[signal][name])
    assert not lacking, "\n".join(lacking)


def test_what_a_row_lacks_is_a_sentence() -> None:
    """A row of the imagination: what is missing for it is named, place by place."""
    address = Option("NOWHERE_URL", "http://127.0.0.1:1", "Nowhere.", in_compose="http://nowhere:1")
    row = Backend("Nowhere", Notes("", "", ""), overlay="nowhere", options=(address,))
    assert backend_rows.lacks("traces", "nowhere", row) == [
        "otel-collector/backends/traces/nowhere.yaml is not there: write how the Collector sends traces to it.",
        "compose.yaml: the environment of collector lacks `NOWHERE_URL: ${NOWHERE_URL:-http://nowhere:1}`.",
        "overlays/nowhere.yaml is not there, which the row of nowhere names.",
        "nowhere has to say either which `places` of `vitals trace` read it, or in `unread` why none does.",
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"options": ()},
            "otel-collector/backends/traces/tempo.yaml reads TEMPO_OTLP_ENDPOINT, which is not among the options of its row.",
        ),
        (
            {"options": (Option("TEMPO_OTLP_ENDPOINT", "127.0.0.1:1", "", in_compose="tempo:4317"),)},
            "otel-collector/backends/traces/tempo.yaml has 127.0.0.1:34317 for TEMPO_OTLP_ENDPOINT; "
            "its row has 127.0.0.1:1 or tempo:4317.",
        ),
        (
            {"options": (*BACKENDS["traces"]["tempo"].options, Option("TEMPO_TENANT", "a", ""))},
            "otel-collector/backends/traces/tempo.yaml does not read TEMPO_TENANT, an option of its row.",
        ),
        ({"overlay_options": ()}, "overlays/tempo.yaml reads TEMPO_IMAGE, which its row does not have."),
        (
            {"overlay_options": (Option("TEMPO_IMAGE", "grafana/tempo:1.0.0", ""), Option("TEMPO_PORT", 3200, ""))},
            "overlays/tempo.yaml does not read TEMPO_IMAGE with its default, grafana/tempo:1.0.0.",
        ),
        ({"overlay": ""}, "tempo has options of an overlay (TEMPO_IMAGE), and no overlay."),
    ],
)
def test_a_row_that_differs_from_its_files_is_a_sentence(changed: dict[str, object], sentence: str) -> None:
    row = BACKENDS["traces"]["tempo"]
    assert sentence in backend_rows.lacks("traces", "tempo", Backend(**{**vars(row), **changed}))  # type: ignore[arg-type]


def test_every_file_of_a_backend_is_of_a_row() -> None:
    for signal, known in BACKENDS.items():
        unknown = set(available(signal)) - known.keys() - TOGETHER[signal].keys()
        assert not unknown, f"otel-collector/backends/{signal}: {unknown} is no row, and no entry of {signal.upper()}_TOGETHER"
        assert TOGETHER[signal].keys() <= set(available(signal)), "each has its file"
        assert all(part in known for name in TOGETHER[signal] for part in name.split("+"))
    assert {file.stem for file in (ROOT / "overlays").glob("*.yaml")} == {row.overlay for row in rows()} - {""}
    for folder in ("more-datasources", "provisioning/datasources"):
        files = {file.stem for file in (ROOT / "prom-graf" / "grafana" / folder).glob("*.yaml")}
        assert files - {"vitals"} == set(backend_rows.SERVERS), folder


def test_every_option_of_a_row_is_a_field_of_the_settings_and_only_there() -> None:
    """Each option has one home: a field of its own in a class of settings would be a second one."""
    for settings, options in ((StackSettings, stack_options()), (ContainerSettings, overlay_options())):
        fields = settings.model_fields
        for option in options:
            field = fields[option.name.lower()]
            assert (field.default, field.description) == (option.default, option.why), option.name
            assert option.name.lower() not in settings.__mro__[1].model_fields, (
                f"{option.name} is in the row, and need not be here"
            )
    assert not {option.name for option in stack_options()} & {option.name for option in overlay_options()}


def test_an_option_has_one_meaning_for_all_rows_that_share_it() -> None:
    every = [option for row in rows() for option in (*row.options, *row.overlay_options)]
    assert len({option.name for option in every}) == len(set(every))


def test_the_type_of_an_option_is_in_its_name(tmp_path: Path) -> None:
    given = StackSettings.load(logs_file=tmp_path / "x", loki_url="http://l", victorialogs_port=20_000, vitals_state_dir=tmp_path)
    assert (given.loki_url, given.victorialogs_port) == ("http://l", 20_000)
    told = environment(given)
    assert told["LOGS_FILE"] == str(tmp_path / "x")
    assert told["VICTORIALOGS_URL"] == "http://127.0.0.1:20000"
    assert environment(StackSettings.load(vitals_state_dir=tmp_path))["LOGS_FILE"] == str(tmp_path / "collector/logs/logs.jsonl")
    assert told.keys() == {option.name for option in stack_options()}
    assert given.ports()["COLLECTOR_SCRAPE_PORT"] == 8889


def test_a_server_that_the_native_stack_runs_for_a_row_is_known_where_it_runs() -> None:
    processes = yaml.safe_load((ROOT / "native/process-compose.yaml").read_text().replace("${SERVICE_STOP_SECONDS}", "35"))[
        "processes"
    ]
    assert {row.server for row in rows() if row.server} == SERVERS, "each is of a row"
    for server in SERVERS:
        assert processes[server]["namespace"] == server, "native/process-compose.yaml starts it in a namespace of its own"
        assert load_recipes(backends=[server])[server].backend == server, "native/ has a recipe for it"
        assert GROUPS[server].ports
        assert COMPONENTS[server] == server
        assert server in USUAL_SECONDS
        assert f"{server}_url" in StackSettings.model_fields, "which names another one instead"


def test_every_place_that_a_row_names_is_asked() -> None:
    stores = Stores.__new__(Stores)  # without connections
    stores.places, stores.unused = get_args(Place), {}
    asked = stores.questions().keys()
    for signal, name in ROWS:
        assert set(BACKENDS[signal][name].places) <= asked, f"vitals.lookup.clients does not ask what {name} keeps"
    for name in backend_rows.SERVERS.keys() & {place for row in rows() for place in row.places}:
        assert name in LOG_PLACES, "its name for people"
        assert name in GRAFANA_DATA_SOURCES, "where a trace's logs are linked to"


def test_the_tables_of_the_page_are_as_the_rows_are() -> None:
    text = (ROOT / "docs" / "backends.md").read_text()
    stale = [table.splitlines()[0] for table in tables() if table not in text]
    assert not stale, f"docs/backends.md: `vitals backends --markdown` prints what belongs below {', '.join(stale)}"


def test_the_command_says_how_each_was_verified() -> None:
    told = json.loads(typer.testing.CliRunner().invoke(backends, ["--json"]).stdout)
    for signal, listed in told.items():
        for one in listed:
            known = BACKENDS[signal]
            notes = known[one["name"]].notes if one["name"] in known else TOGETHER[signal][one["name"]]
            assert one["verified"] == notes.verified != ""
