"""What a new model may replace in a folder: the files that an earlier one made there, and no others."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

from vitals.bundle.model_card import FACTS_FILE, HELD_OUT_FILE, PROFILE_FILE
from vitals.errors import DataError

_ARTEFACT = re.compile(r"model\.[a-z]+")
_OLDER_ARTEFACT = "model.skops"


def replaceable(folder: Path, written: Collection[str]) -> set[str]:
    """Names of the files in `folder` that are an earlier model's: those of its facts; none where it is empty or absent.

    Raises DataError where the folder holds files and no such model, or a file in the way of one that is `written`.
    """
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder: choose another for the model.")
    ours = _named_by_facts(folder / FACTS_FILE)
    there = {path.name for path in folder.iterdir()}
    if there and not ours:
        raise DataError(
            f"{folder} holds other files than a served model's ({', '.join(sorted(there)[:3])}): choose a new or an empty folder."
        )
    in_the_way = sorted(there & set(written) - ours)
    if in_the_way:
        raise DataError(
            f"{folder / in_the_way[0]} is not of the model that was made there before: move it, or choose another folder."
        )
    return ours


def _named_by_facts(path: Path) -> set[str]:
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return set()
    if not isinstance(facts, dict) or "sha256" not in facts:
        return set()
    artefact = facts.get("artefact", _OLDER_ARTEFACT if facts.get("schema_version") == 1 else None)
    if not isinstance(artefact, str) or not _ARTEFACT.fullmatch(artefact):
        return set()
    graph = facts.get("graph")
    converted = {str(graph["file"])} if isinstance(graph, dict) and _ARTEFACT.fullmatch(str(graph.get("file"))) else set()
    return {artefact, PROFILE_FILE, FACTS_FILE, HELD_OUT_FILE} | converted
