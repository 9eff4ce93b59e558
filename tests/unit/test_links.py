"""The addresses in Grafana and Kibana say what they should, and survive any text in them."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from vitals.lookup.links import Links, TimeRange, rison
from vitals.settings.stack import StackSettings

TRACE = "0af7651916cd43dd8448eb211c80319c"
WHEN = TimeRange.around(1_700_000_000_000_000_000, 1_700_000_001_000_000_000)


@pytest.fixture
def links() -> Links:
    return Links(StackSettings.load(grafana_port=3001, kibana_port=5602))


def _pane(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("127.0.0.1:3001", "/explore")
    query = parse_qs(parts.query, strict_parsing=True)
    assert query["schemaVersion"] == ["1"]
    [pane] = json.loads(query["panes"][0]).values()
    assert pane["range"] == {"from": "1699999700000", "to": "1700000301000"}
    return dict(pane)


def test_the_trace_opens_in_jaeger(links: Links) -> None:
    pane = _pane(links.trace_in_grafana(TRACE, WHEN))
    assert pane["datasource"] == "jaeger"
    assert pane["queries"] == [{"refId": "A", "datasource": {"type": "jaeger", "uid": "jaeger"}, "query": TRACE}]


def test_its_logs_open_in_elasticsearch(links: Links) -> None:
    pane = _pane(links.logs_in_grafana(TRACE, WHEN))
    assert pane["datasource"] == "elasticsearch-logs"
    [query] = pane["queries"]  # type: ignore[misc]
    assert query["query"] == f"trace_id:{TRACE}"
    assert query["metrics"] == [{"id": "1", "type": "logs"}]


@pytest.mark.parametrize(("kind", "view"), [("logs_in_kibana", "vitals-logs"), ("spans_in_kibana", "vitals-traces")])
def test_discover_gets_data_view_query_and_time(links: Links, kind: str, view: str) -> None:
    parts = urlsplit(getattr(links, kind)(TRACE, WHEN))
    assert (parts.netloc, parts.path) == ("127.0.0.1:5602", "/app/discover")
    fragment = unquote(parts.fragment)
    assert f"dataSource:(dataViewId:'{view}',type:'dataView')" in fragment
    assert f'trace_id : "{TRACE}"' in fragment
    assert "time:(from:'2023-11-14T22:08:20.000Z',to:'2023-11-14T22:18:21.000Z')" in fragment


def test_the_dashboard_opens_at_the_time(links: Links) -> None:
    url = links.dashboard("vitals-service", WHEN)
    assert url == "http://127.0.0.1:3001/d/vitals-service?from=1699999700000&to=1700000301000"


def test_no_address_has_a_character_that_a_terminal_breaks_at(links: Links) -> None:
    for link in links.of_trace(TRACE, WHEN):
        assert not set(link.url) & set(' "<>`{}|\\^\n'), link.url


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "!n"),
        (True, "!t"),
        (False, "!f"),
        (7, "7"),
        ("it's!", "'it!'s!!'"),
        ([1, "a"], "!(1,'a')"),
        ({"a": {"b": []}}, "(a:(b:!()))"),
    ],
)
def test_writes_rison(value: object, written: str) -> None:
    assert rison(value) == written


@pytest.mark.parametrize("backend", ["loki", "victorialogs"])
def test_logs_are_shown_from_where_they_are(backend: str) -> None:
    pane = _pane(Links(StackSettings.load(logs_backend=backend, grafana_port=3001)).logs_in_grafana(TRACE, WHEN))
    assert pane["datasource"] == backend
    [query] = pane["queries"]  # type: ignore[misc]
    assert TRACE in query["expr"]
