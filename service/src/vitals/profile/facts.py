"""Which model a folder holds, and where it comes from: `model.json`, beside the artefact and `profile.json`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FACTS_FILE = "model.json"
PROFILE_FILE = "profile.json"
HELD_OUT_FILE = "held_out.csv"
VERSION_DIGITS = 12

Format = Literal["skops", "onnx", "pickle"]

ARTEFACT_FORMATS: dict[str, Format] = {
    ".skops": "skops",
    ".onnx": "onnx",
    ".pickle": "pickle",
    ".pkl": "pickle",
    ".joblib": "pickle",
}
"""The format of an artefact, by the ending of its file's name."""


class OnnxOutput(BaseModel):
    """What the outputs of an ONNX graph mean, as `vitals profile` found out by the graph and the reference data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["map", "probabilities", "sigmoid", "value"] = Field(
        description="What `answer` is: a map from class to probability (ZipMap), a tensor of the probabilities of all classes, "
        "the probability of the second of two classes, or (regression) the predicted value."
    )
    answer: str = Field(description="The output's name.")
    label: str | None = Field(None, description="The output that names the class; without one, the most probable class is it.")
    one_by_one: bool = Field(False, description="Whether the graph answers one row a call only.")


class ModelFacts(BaseModel):
    """Name and version, the hashes of what belongs together, and where the model comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[2] = 2
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100, description="The model's name.")
    artefact: str = Field(pattern=r"^model\.[a-z]+$", description="The artefact's file, in the same folder.")
    format: Format = Field(
        description="How the artefact is read; a pickle can run any code, so it is read only where that is allowed."
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="The artefact's hash.")
    profile_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="The hash of profile.json.")
    made_at: datetime = Field(description="When the folder was made (UTC).")
    trained_on: str = Field("", max_length=1000, description="What the model learned from.")
    trained_with: str = Field("", max_length=1000, description="The library that trained it.")
    description: str = Field("", max_length=4000, description="What the model is for, and what one should know of it.")
    output: OnnxOutput | None = Field(
        None, description="ONNX: what the graph's outputs mean; absent in a folder of before, whose outputs' types say it."
    )

    @property
    def version(self) -> str:
        """The first digits of the SHA-256 of both hashes, in hex, one after the other.

        The same content has the same version, anywhere; a new profile for the same artefact is another version, since rows
        that were counted in other bins can't be compared with it.
        """
        return hashlib.sha256(f"{self.sha256}{self.profile_sha256}".encode()).hexdigest()[:VERSION_DIGITS]


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
