"""What Kibana is given: data views, searches, charts and a dashboard, read from elk/kibana and put into Kibana's form.

One file is one object. Kibana keeps parts of an object as JSON inside a string (`panelsJSON`, `searchSourceJSON`); in the files
they are plain JSON, so that people can read and compare them, and become strings here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from vitals.configuration import CONFIGURATION
from vitals.lookup.links import GRAFANA_DATA_SOURCES

FOLDER = CONFIGURATION / "elk" / "kibana"

_LINK = "${TRACE_IN_GRAFANA}"
"""Where the files want the address that is only known at run time."""

_VALUE = "{{value}}"
"""Where Kibana's URL formatter puts the field's value, URL-encoded."""


def data_views(grafana: str, retention: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The data views, as `POST /api/data_views/data_view` takes them under `data_view`.

    `grafana` is the address at which people open Grafana, `retention` how long traces are kept, such as 7d.
    """
    link = trace_link(grafana, retention)
    return [json.loads(file.read_text().replace(_LINK, link)) for file in sorted(folder.glob("data-views/*.json"))]


def trace_link(grafana: str, retention: str) -> str:
    """The address at which Grafana shows a trace, from Jaeger, as a template for a URL formatter.

    A formatter knows no time, so the range is all that is kept.
    """
    source = {"type": GRAFANA_DATA_SOURCES["jaeger"], "uid": "jaeger"}
    pane = {
        "datasource": "jaeger",
        "queries": [{"refId": "A", "datasource": source, "query": _VALUE}],
        "range": {"from": f"now-{retention}", "to": "now"},
    }
    panes = json.dumps({"vitals": pane}, separators=(",", ":"))
    query = urlencode({"schemaVersion": 1, "panes": panes, "orgId": 1})
    return f"{grafana}/explore?{query.replace(quote(_VALUE), _VALUE)}"


def saved_objects(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The saved objects, as a line of an export has them."""
    return [_packed(json.loads(file.read_text())) for file in sorted(folder.glob("objects/*.json"))]


def ndjson(objects: list[dict[str, Any]]) -> bytes:
    """The form of Kibana's exports: an object a line."""
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in objects).encode()


def _packed(value: Any) -> Any:
    """The same, with what stands under a name that ends in `JSON` written as a string."""
    if isinstance(value, dict):
        return {
            name: json.dumps(inner, ensure_ascii=False, separators=(",", ":")) if name.endswith("JSON") else _packed(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_packed(one) for one in value]
    return value
