"""Whether Elasticsearch can be written to, and whether its index templates are those of this checkout."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import httpx2 as httpx

from vitals.doctor.finding import Away, Elsewhere, Finding, listed
from vitals.doctor.running import ANSWER_SECONDS, Running
from vitals.errors import StackError
from vitals.provisioning.elasticsearch_setup import TEMPLATES, Compared, compared

_FLOOD_STAGE = "12"
"""The id of the block that Elasticsearch itself puts on every index at the disk's flood stage, and takes off again."""
_STATE = "/_cluster/state/metadata,blocks"
_OF_STATE = "blocks,metadata.data_stream.data_stream.*.indices.index_name"


def look_at_writes(running: Running) -> list[Finding]:
    """A finding for the cluster's health and one for each kind of block; or that all is well. Raises Away."""
    health = running.json("elasticsearch", "/_cluster/health")
    state = running.json("elasticsearch", _STATE, expand_wildcards="all", filter_path=_OF_STATE)
    return [*unhealthy(health), *blocked(state)] or [
        Finding(
            "writes",
            "ok",
            f"Elasticsearch is {health['status']}, and none of the {len(write_indices(state))} data streams is blocked.",
        )
    ]


def unhealthy(health: dict[str, Any]) -> list[Finding]:
    """A finding where the cluster is not green."""
    status, without = health["status"], health["unassigned_shards"]
    figures = {"status": status, "unassigned_shards": without}
    if status == "red":
        sentence = (
            f"Elasticsearch's health is red: {without} shards are not there, and what belongs to them is refused. "
            "`GET /_cluster/allocation/explain` (as admin) says why: most often a full disk, or damaged files."
        )
        return [Finding("writes", "wrong", sentence, figures)]
    if status == "yellow":
        sentence = f"Elasticsearch's health is yellow: {without} copies of shards have no node, since someone asked for replicas."
        return [Finding("writes", "warning", sentence, figures)]
    return []


def blocked(state: dict[str, Any]) -> list[Finding]:
    """A finding for each kind of block on an index that is written to, or on the whole cluster."""
    blocks = state.get("blocks", {})
    whole = [
        Finding(
            "writes",
            "wrong",
            f"Elasticsearch refuses everything: {block['description']}. It ends by itself once the cluster is up.",
        )
        for block in blocks.get("global", {}).values()
        if "write" in block["levels"]
    ]
    streams = {index: stream for stream, index in write_indices(state).items()}
    by_kind: dict[tuple[str, str], list[str]] = defaultdict(list)
    for index, of_index in blocks.get("indices", {}).items():
        for kind, block in of_index.items():
            if "write" in block["levels"] and index in streams:
                by_kind[kind, block["description"]].append(streams[index])
    return whole + [_refused(kind, description, sorted(names)) for (kind, description), names in by_kind.items()]


def _refused(kind: str, description: str, streams: list[str]) -> Finding:
    refused = f"Elasticsearch refuses writes to {listed(streams)}: {description.partition(';')[0]}."
    if kind == _FLOOD_STAGE:
        todo = "Make room on its disk: it lifts the block by itself then, and what the Collector kept meanwhile is sent."
    else:
        todo = (
            "Someone set it: take it off as admin, `PUT /STREAM/_settings` with `index.blocks.write`, `.read_only` or "
            "`.read_only_allow_delete` null. Until then documents wait in the Collector's queue, as long as it has room."
        )
    return Finding("writes", "wrong", f"{refused} {todo}", {"block": kind, "streams": streams})


def write_indices(state: dict[str, Any]) -> dict[str, str]:
    """The index that each data stream is written to: the last of its own."""
    streams = state.get("metadata", {}).get("data_stream", {}).get("data_stream", {})
    return {name: stream["indices"][-1]["index_name"] for name, stream in streams.items() if stream.get("indices")}


def look_at_templates(running: Running) -> list[Finding]:
    """A finding for templates that are missing, for others' versions, and for data streams that are behind. Raises Away."""
    if not TEMPLATES.is_dir():
        raise Elsewhere("This image has no index templates to compare with; compose.yaml mounts ./elk for that.")
    engine = running.components["elasticsearch"]
    client = httpx.Client(base_url=engine.url, auth=engine.auth, timeout=ANSWER_SECONDS, trust_env=False)
    try:
        with client:
            state = compared(client, running.settings)
    except StackError as refused:
        raise Away(str(refused)) from None
    return told(state, "`vitals restart elk`" if running.native else "`docker compose up elasticsearch-setup`")


def told(state: Compared, command: str) -> list[Finding]:
    """The findings; `command` puts the templates again."""
    findings = []
    if state.missing:
        sentence = (
            f"Index templates are missing: {listed(state.missing)}. A data stream that is not there yet can't come to be, and "
            f"its documents wait in the Collector's queue. {command} puts them."
        )
        findings.append(Finding("templates", "wrong", sentence, {"missing": state.missing}))
    if state.outdated:
        sentence = (
            f"Index templates are of another version than this checkout's: {listed(state.outdated)}. {command} puts those of now."
        )
        findings.append(Finding("templates", "wrong", sentence, {"outdated": state.outdated}))
    if state.behind:
        others = "Data streams are written with another mapping than this checkout's"
        sentence = f"{others}: {listed(state.behind)}. {command} moves them on."
        findings.append(Finding("templates", "warning", sentence, {"behind": state.behind}))
    return findings or [
        Finding("templates", "ok", f"{listed(state.wanted)} are this checkout's, and every data stream is written with them.")
    ]
