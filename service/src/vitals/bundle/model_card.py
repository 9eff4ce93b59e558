"""Which model a folder holds, and where it comes from: `model.json`, beside the artefact and `profile.json`."""

from __future__ import annotations

import hashlib
import json
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


class Comparison(BaseModel):
    """What the folder's model was held against when it was made, and what came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    against: str = Field(max_length=200, description="Whose answers are the right ones.")
    rows: int = Field(ge=0, description="Reference and held-out rows that were compared, each in batches with others.")
    with_gaps: int = Field(0, ge=0, description="Rows with gaps made in them, where gaps are allowed.")
    between: int = Field(0, ge=0, description="Rows made between and beyond the reference's values, for a converted model.")
    alone: int = Field(ge=0, description="How many of all these were asked alone, too.")
    tolerance: float = Field(gt=0, description="How far a probability, or (relatively) a number, may be from the right one.")
    different: int = Field(ge=0, description="Rows whose class or whose probabilities differed.")
    classes_different: int = Field(0, ge=0, description="Rows whose class differed.")
    largest_difference: float = Field(ge=0, description="The largest difference of a probability, or (relatively) of a number.")


class Graph(BaseModel):
    """The ONNX graph that the estimator was converted to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^model\.[a-z]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    precision: Literal["float64", "float32"] = Field(description="The precision that it computes in.")
    columns: tuple[str, ...] | None = Field(None, description="The features in the estimator's order, where it names them.")
    classes: tuple[str, ...] | None = Field(None, description="The classes in the order of the graph's probabilities.")


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

    schema_version: Literal[2, 3] = 3
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100, description="The model's name.")
    artefact: str = Field(pattern=r"^model\.[a-z]+$", description="The artefact's file, in the same folder.")
    format: Format = Field(
        description="How the artefact is read; a pickle can run any code, so it is read only where that is allowed."
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="The artefact's hash.")
    profile_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="The hash of profile.json.")
    runtime: Literal["sklearn", "onnx"] | None = Field(
        None, description="What answers: the estimator by its own library, or the graph by ONNX Runtime; None: by the format."
    )
    graph: Graph | None = Field(None, description="The estimator as an ONNX graph, where it could be converted.")
    container: Literal["array", "frame"] | None = Field(
        None, description="Whether the estimator is given arrays or DataFrames; None: found out when it is loaded."
    )
    comparison: Comparison | None = Field(None, description="The answers of this runtime against the fitted estimator's own.")
    choice: str = Field("", max_length=1000, description="Why this runtime.")
    microseconds: dict[str, float] = Field({}, description="What one row took, and 64, by runtime, where the folder was made.")
    made_at: datetime = Field(description="When the folder was made (UTC).")
    trained_on: str = Field("", max_length=1000, description="What the model learned from.")
    trained_with: str = Field("", max_length=1000, description="The library that trained it.")
    description: str = Field("", max_length=4000, description="What the model is for, and what one should know of it.")
    output: OnnxOutput | None = Field(
        None, description="ONNX: what the graph's outputs mean; absent in a folder of before, whose outputs' types say it."
    )

    @property
    def answering_file(self) -> str:
        """The file that answers: the estimator's or, where it was converted and that is what is served, the graph's."""
        return self.graph.file if self.graph is not None and self.runtime == "onnx" else self.artefact

    @property
    def version(self) -> str:
        """The first digits of a SHA-256, in hex, over what decides the answers and what is counted.

        These are the hashes of artefact and profile, the runtime with its graph, the container, and what the comparison found.
        The same content has the same version anywhere; a new profile for the same artefact is another version, since rows
        that were counted in other bins can't be compared with it. A folder of the second layout has that of the two hashes alone.
        """
        text = f"{self.sha256}{self.profile_sha256}"
        if self.schema_version > 2:
            compared = "" if self.comparison is None else self.comparison.model_dump_json(exclude={"alone", "largest_difference"})
            graph = "" if self.graph is None or self.runtime != "onnx" else self.graph.sha256
            text += json.dumps([self.runtime, graph, self.container, compared], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
