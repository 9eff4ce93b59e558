"""What is known of a served model without loading it: `model.json`, beside the artefact."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vitals.errors import ModelMismatch, ModelMissing

FACTS_FILE = "model.json"
ARTEFACT_FILE = "model.skops"
VERSION_DIGITS = 12


class Feature(BaseModel):
    """One input of the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The name in requests.")
    title: str = Field(description="The name in the training data, with its unit.")
    minimum: float = Field(description="The smallest value in the training data.")
    maximum: float = Field(description="The largest value in the training data.")
    example: float = Field(description="A value from the training data.")


class ModelFacts(BaseModel):
    """Name, version, inputs, classes, and where the model comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="The model's name.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="The artefact's hash: what the version is made from.")
    features: tuple[Feature, ...] = Field(min_length=1, description="Inputs, in the order of the model's columns.")
    classes: tuple[str, ...] = Field(min_length=2, description="Classes, in the order of the model's probabilities.")
    trained_at: datetime = Field(description="When the training ended (UTC).")
    trained_on: str = Field(description="What the model learned from.")
    trained_with: str = Field(description="The library that trained it.")
    quality: dict[str, float] = Field(default_factory=dict, description="Measured on rows that the model had not seen.")

    @property
    def version(self) -> str:
        """The first digits of the artefact's hash: the same content has the same version, anywhere."""
        return self.sha256[:VERSION_DIGITS]


def read_facts(folder: Path) -> ModelFacts:
    """Read `model.json` and hold the artefact's hash against it; nothing of the artefact is interpreted.

    Raises ModelMissing where a file is not there, ModelMismatch where the two do not belong together.
    """
    for name in (FACTS_FILE, ARTEFACT_FILE):
        if not (folder / name).is_file():
            raise ModelMissing(
                f"There is no {name} in MODEL_DIR ({folder}): make one with `vitals train-example`, "
                "or point MODEL_DIR to a folder that has one."
            )
    try:
        facts = ModelFacts.model_validate_json((folder / FACTS_FILE).read_bytes())
    except (ValidationError, UnicodeDecodeError) as wrong:
        reason = wrong.errors()[0]["msg"] if isinstance(wrong, ValidationError) else str(wrong)
        raise ModelMismatch(f"{folder / FACTS_FILE} does not describe a model ({reason}): make the folder again.") from None
    found = sha256_of(folder / ARTEFACT_FILE)
    if found != facts.sha256:
        raise ModelMismatch(
            f"{folder / ARTEFACT_FILE} is not the artefact that {FACTS_FILE} describes: its hash begins with "
            f"{found[:VERSION_DIGITS]}, not {facts.version}. Copy both files of one model."
        )
    return facts


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
