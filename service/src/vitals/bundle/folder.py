"""Reading a served model's folder without its artefact: nothing of the model is interpreted here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from vitals.bundle.model_card import FACTS_FILE, PROFILE_FILE, ModelFacts, sha256_of
from vitals.bundle.schema import Profile
from vitals.errors import ModelMismatch, ModelMissing

_MAKE = "make one with `vitals profile` or `vitals train-example`"

_SHOWN = 12
"""Digits of a hash that tell it from another, in a sentence."""

_Document = TypeVar("_Document", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ServedFolder:
    """What a served model's folder holds; the artefact is named, and its hash is the one of the facts."""

    facts: ModelFacts
    profile: Profile
    artefact: Path
    """The file that answers."""


def read_folder(path: Path) -> ServedFolder:
    """Read `model.json` and `profile.json` of the folder `path`, and hold the hashes of the other files against the facts.

    Raises ModelMissing where a file is not there, ModelMismatch where the files do not belong together.
    """
    _there(path, FACTS_FILE)
    _of_this_layout(path)
    _there(path, PROFILE_FILE)
    facts = _read(path / FACTS_FILE, ModelFacts)
    _there(path, facts.artefact)
    hashes = [(facts.artefact, facts.sha256), (PROFILE_FILE, facts.profile_sha256)]
    if facts.graph is not None:
        _there(path, facts.graph.file)
        hashes.append((facts.graph.file, facts.graph.sha256))
    for name, expected in hashes:
        found = sha256_of(path / name)
        if found != expected:
            raise ModelMismatch(
                f"{path / name} is not the file that {FACTS_FILE} describes: its hash begins with "
                f"{found[:_SHOWN]}, not {expected[:_SHOWN]}. Copy all files of one model; for a new profile run `vitals profile`."
            )
    return ServedFolder(facts, _read(path / PROFILE_FILE, Profile), path / facts.answering_file)


def answering_suffix(path: Path) -> str:
    """The ending of the answering file's name, by the facts alone; "" where they can't be read, as read_folder will say."""
    try:
        return Path(_read(path / FACTS_FILE, ModelFacts).answering_file).suffix
    except (OSError, ModelMismatch):
        return ""


def _there(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise ModelMissing(f"There is no {name} in MODEL_DIR ({folder}): {_MAKE}, or point MODEL_DIR to a folder that has one.")


def _of_this_layout(folder: Path) -> None:
    """Say what to do with a folder from before `profile.json`; whatever else is wrong is said later."""
    try:
        written = json.loads((folder / FACTS_FILE).read_bytes())
    except ValueError:
        return
    if isinstance(written, dict) and written.get("schema_version") == 1:
        raise ModelMismatch(f"{folder / FACTS_FILE} is of the older layout, without {PROFILE_FILE}: {_MAKE} in its place.")


def _read(path: Path, document: type[_Document]) -> _Document:
    try:
        return document.model_validate_json(path.read_bytes())
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise ModelMismatch(f"{path} does not describe a model ({reason}): make the folder again.") from None
