"""Prepares a running Elasticsearch for logs and traces: index templates, and the age of what is kept. Can be run at every start.

A server that runs data-stream lifecycles ends old data by itself. The one that is fetched for the native stack only stores
the setting, so what is too old is also removed here: whole backing indices, at each run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

import httpx2 as httpx

from vitals.configuration import CONFIGURATION
from vitals.errors import StackError
from vitals.settings.durations import seconds
from vitals.settings.stack import StackSettings

TEMPLATES = CONFIGURATION / "elk" / "elasticsearch" / "templates"

_OURS = "vitals-"
_POLL_SECONDS = 0.5
_BACKING_INDICES_IN_A_RETENTION = 7
"""Only whole backing indices are deleted: data is kept up to this fraction longer than was asked for, never shorter."""


@dataclass
class Done:
    """What a run changed; all empty when there was nothing to do."""

    templates: list[str] = field(default_factory=list)
    retention_changed: list[str] = field(default_factory=list)
    rolled_over: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Compared:
    """Templates that are not there, or are another version than this checkout's, and data streams still on an older mapping."""

    wanted: tuple[str, ...]
    missing: tuple[str, ...]
    outdated: tuple[str, ...]
    behind: tuple[str, ...]


@dataclass(frozen=True)
class _Backing:
    name: str
    created: float
    revision: str | None


@dataclass(frozen=True)
class _Stream:
    name: str
    retention: str | None
    backing: list[_Backing]
    """Oldest first; the last is the one written to."""


def set_up(url: str, password: str, settings: StackSettings, deadline_seconds: float = 180) -> Done:
    """Wait until Elasticsearch answers, put the templates, move on data streams of an older mapping, and remove what is too old.

    `url` is Elasticsearch's address, `password` that of its user `admin`.
    Raises StackError when it does not answer within the deadline or refuses something.
    """
    filled = _templates(settings)
    done = Done()
    with httpx.Client(base_url=url, auth=("admin", password), timeout=30, trust_env=False) as client:
        _wait_until_it_answers(client, deadline_seconds)
        for signal, template in filled.items():
            if _put_if_different(client, _OURS + signal, template):
                done.templates.append(_OURS + signal)
        for stream in _data_streams(client):
            signal = stream.name.partition("-")[0]
            if signal in filled:
                _keep_up(client, stream, filled[signal], done)
    return done


def compared(client: httpx.Client, settings: StackSettings) -> Compared:
    """What a run of `set_up` would change of the templates; nothing is changed, and the reader's rights are enough.

    Raises StackError where Elasticsearch refuses or goes away.
    """
    filled = _templates(settings)
    listed = _asked(client, "GET", f"/_index_template/{_OURS}*")["index_templates"]
    stored = {entry["name"]: entry["index_template"] for entry in listed}
    names = {_OURS + signal: template for signal, template in filled.items()}
    streams = [(stream, filled.get(stream.name.partition("-")[0])) for stream in _data_streams(client)]
    return Compared(
        wanted=tuple(names),
        missing=tuple(name for name in names if name not in stored),
        outdated=tuple(name for name in names if name in stored and _identity(stored[name]) != _identity(names[name])),
        behind=tuple(stream.name for stream, template in streams if template and _is_behind(stream, template)),
    )


def _templates(settings: StackSettings) -> dict[str, dict[str, Any]]:
    """By signal, filled in; each carries a hash of itself, which its indices then carry too."""
    values = {"LOGS_RETENTION": settings.logs_retention, "TRACES_RETENTION": settings.traces_retention}
    filled = {}
    for file in sorted(TEMPLATES.glob("*.json")):
        template = json.loads(Template(file.read_text()).substitute(values))
        template["template"]["mappings"]["_meta"] = {"revision": _revision(template["template"])}
        filled[file.stem] = template
    return filled


def _revision(template: Mapping[str, Any]) -> str:
    """A hash of what an index takes from its template when it is made; the lifecycle is read from the data stream at any time."""
    of_an_index = {part: template[part] for part in ("settings", "mappings")}
    return hashlib.sha256(json.dumps(of_an_index, sort_keys=True).encode()).hexdigest()[:12]


def _wait_until_it_answers(client: httpx.Client, deadline_seconds: float) -> None:
    end = time.monotonic() + deadline_seconds
    last = "it did not answer"
    while True:
        try:
            answer = client.get("/_cluster/health", params={"wait_for_status": "yellow", "timeout": "1s"}, timeout=5)
            if answer.status_code == httpx.codes.OK:
                return
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise StackError(
                    f"Elasticsearch at {client.base_url} refuses the password of its user admin; "
                    "it was started with other secrets, or the port belongs to another Elasticsearch."
                )
            last = f"it answered {answer.status_code}"
        except httpx.TransportError as error:
            last = str(error) or type(error).__name__
        if time.monotonic() > end:
            raise StackError(f"Elasticsearch at {client.base_url} was not ready within {deadline_seconds:.0f} s: {last}.")
        time.sleep(_POLL_SECONDS)


def _put_if_different(client: httpx.Client, name: str, template: dict[str, Any]) -> bool:
    """The server normalises what it stores, so the hash in it is compared, with what the hash does not cover."""
    known = client.get(f"/_index_template/{name}")
    if known.status_code == httpx.codes.OK:
        [stored] = (entry["index_template"] for entry in known.json()["index_templates"])
        if _identity(stored) == _identity(template):
            return False
    _asked(client, "PUT", f"/_index_template/{name}", template)
    return True


def _identity(template: Mapping[str, Any]) -> tuple[Any, ...]:
    inner = template["template"]
    return (
        inner.get("mappings", {}).get("_meta"),
        inner.get("lifecycle", {}).get("data_retention"),
        template.get("priority"),
        template.get("index_patterns"),
    )


def _data_streams(client: httpx.Client) -> list[_Stream]:
    """The data streams of logs and traces, from the cluster's state: their own API is not in every build of the server."""
    state = _asked(
        client,
        "GET",
        "/_cluster/state/metadata/.ds-logs-*,.ds-traces-*?expand_wildcards=all&filter_path="
        "metadata.data_stream.data_stream.*.indices.index_name,metadata.data_stream.data_stream.*.lifecycle,"
        "metadata.indices.*.settings.index.creation_date,metadata.indices.*.mappings._doc._meta",
    )
    metadata = state.get("metadata", {})
    indices = metadata.get("indices", {})
    streams = metadata.get("data_stream", {}).get("data_stream", {})
    return [
        _Stream(
            name,
            content.get("lifecycle", {}).get("data_retention"),
            [_backing(index, indices[index]) for index in (one["index_name"] for one in content["indices"]) if index in indices],
        )
        for name, content in streams.items()
    ]


def _backing(name: str, content: dict[str, Any]) -> _Backing:
    mapping = content.get("mappings", {}).get("_doc", {})
    created = int(content["settings"]["index"]["creation_date"]) / 1000
    return _Backing(name, created, mapping.get("_meta", {}).get("revision"))


def _keep_up(client: httpx.Client, stream: _Stream, template: dict[str, Any], done: Done) -> None:
    """Roll over where the mapping is an older one or the index has its age, then delete what is wholly too old."""
    inner = template["template"]
    wanted = inner["lifecycle"]["data_retention"]
    retention = seconds(wanted)
    if stream.retention != wanted and _lifecycle_is_changed(client, stream.name, wanted):
        done.retention_changed.append(stream.name)
    outdated = _is_behind(stream, template)
    age = f"{int(retention / _BACKING_INDICES_IN_A_RETENTION)}s"
    conditions = None if outdated else {"conditions": {"max_age": age, "min_docs": 1}}
    if _asked(client, "POST", f"/{stream.name}/_rollover", conditions)["rolled_over"]:
        done.rolled_over.append(stream.name)
    for index in too_old([(index.name, index.created) for index in stream.backing], retention, time.time()):
        _asked(client, "DELETE", f"/{index}")
        done.deleted.append(index)


def _is_behind(stream: _Stream, template: Mapping[str, Any]) -> bool:
    revision = template["template"]["mappings"]["_meta"]["revision"]
    return not stream.backing or stream.backing[-1].revision != revision


def _lifecycle_is_changed(client: httpx.Client, stream: str, retention: str) -> bool:
    """A data stream keeps the lifecycle that it was made with; the native stack's server can't change it, and does not use it."""
    answer = client.put(f"/_data_stream/{stream}/_lifecycle", json={"data_retention": retention})
    if answer.is_error and "no handler found" not in answer.text:
        raise StackError(f"Elasticsearch refused the retention of {stream} with {answer.status_code}: {answer.text[:500]}")
    return answer.is_success


def too_old(backing: list[tuple[str, float]], retention: float, now: float) -> list[str]:
    """The backing indices that got nothing within the retention: an index is written to until the next one is made.

    `backing`: (name, time of creation in seconds), oldest first; `retention` and `now` in seconds. Never the last one.
    """
    return [name for (name, _), (_, ended) in pairwise(backing) if now - ended > retention]


def _asked(client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        answer = client.request(method, path, json=body)
    except httpx.TransportError as error:
        raise StackError(f"Elasticsearch went away during {method} {_shown(path)}: {error}.") from error
    if answer.is_error:
        raise StackError(f"Elasticsearch refused {method} {_shown(path)} with {answer.status_code}: {answer.text[:500]}")
    content: dict[str, Any] = answer.json()
    return content


def _shown(path: str) -> str:
    return Path(path.partition("?")[0]).as_posix()
