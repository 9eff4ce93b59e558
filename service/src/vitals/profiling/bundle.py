"""From an artefact and reference data to a folder that can be served."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from vitals.bundle.classes import class_name
from vitals.bundle.model_card import ARTEFACT_FORMATS, FACTS_FILE, HELD_OUT_FILE, PROFILE_FILE, Graph, ModelFacts, sha256_of
from vitals.bundle.schema import Profile
from vitals.errors import DataError
from vitals.model.artefact import Artefact, open_artefact
from vitals.model.served import load_model
from vitals.profiling.conversion.runtime_choice import Runtime
from vitals.profiling.model_profile import Profiled, profile_of
from vitals.profiling.overwriting import replaceable
from vitals.profiling.reference_data import Data, Reference

__all__ = ["Card", "Made", "Reference", "make_folder"]

GRAPH_FILE = "model.onnx"


@dataclass(frozen=True)
class Card:
    """What people are told of the model."""

    name: str
    description: str = ""
    trained_on: str = ""


@dataclass(frozen=True)
class Made:
    """A folder that was made, and what one should know of it."""

    folder: Path
    facts: ModelFacts
    profile: Profile
    warnings: list[str] = field(default_factory=list)


def make_folder(
    artefact: Path,
    reference: Reference,
    card: Card,
    folder: Path,
    *,
    allow_pickle: bool = False,
    runtime: Runtime | None = None,
    accept_difference: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Made:
    """Profile `reference`, hold the model to the rule, and write artefact, profile and facts into `folder` (made if absent).

    runtime: what answers, instead of what evidence chooses; accept_difference: serve a model whose answers differ from the fitted
    estimator's all the same; tell: is told each step that may take long.
    A model that was made there before is replaced, and nothing else.
    Raises ModelMismatch where the artefact can't be served, DataError where the data are not such that a profile can be made,
    the answers differ, or the folder holds other files than such a model's.
    """
    file = f"model{artefact.suffix.lower()}"
    written = [file, PROFILE_FILE, FACTS_FILE]
    if reference.held_out is not None:
        written.insert(0, HELD_OUT_FILE)
    earlier = replaceable(folder, written)
    model = open_artefact(artefact, allow_pickle=allow_pickle)
    with tempfile.TemporaryDirectory() as elsewhere:
        profiled = profile_of(
            model,
            lambda: open_artefact(artefact, allow_pickle=allow_pickle),
            reference,
            Path(elsewhere),
            runtime=runtime,
            accept_difference=accept_difference,
            tell=tell,
        )
    if profiled.graph is not None:
        written.insert(0, GRAPH_FILE)
        earlier |= replaceable(folder, written)
    fresh = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch)
            facts = _write(made, file, artefact, card, profiled, model)
            load_model(made, allow_pickle=allow_pickle)
            if profiled.held_out is not None:
                _write_rows(made / HELD_OUT_FILE, profiled.held_out, profiled.profile)
            # The facts come last: whoever reads the folder meanwhile is told that its files do not belong together.
            for name in written:
                (made / name).replace(folder / name)
    except BaseException:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for name in earlier - set(written):
        (folder / name).unlink(missing_ok=True)
    return Made(folder, facts, profiled.profile, profiled.warnings)


def _write(made: Path, file: str, artefact: Path, card: Card, profiled: Profiled, model: Artefact) -> ModelFacts:
    shutil.copyfile(artefact, made / file)
    graph = None
    if profiled.graph is not None:
        (made / GRAPH_FILE).write_bytes(profiled.graph.graph)
        graph = Graph(
            file=GRAPH_FILE,
            sha256=sha256_of(made / GRAPH_FILE),
            precision=profiled.graph.precision,
            columns=model.columns,
            classes=model.classes,
        )
    (made / PROFILE_FILE).write_text(profiled.profile.model_dump_json(indent=1) + "\n", encoding="utf-8")
    try:
        facts = ModelFacts(
            name=card.name,
            artefact=file,
            format=ARTEFACT_FORMATS[Path(file).suffix],
            sha256=sha256_of(made / file),
            profile_sha256=sha256_of(made / PROFILE_FILE),
            runtime=profiled.runtime,
            graph=graph,
            container=profiled.container,
            comparison=profiled.comparison,
            choice=profiled.why,
            output=profiled.output,
            microseconds=profiled.microseconds,
            made_at=datetime.now(UTC).replace(microsecond=0),
            trained_on=card.trained_on,
            trained_with=model.made_with,
            description=card.description,
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise DataError(f"The model's {first['loc'][0]} is wrong: {first['msg']} (it is {first['input']!r}).") from None
    (made / FACTS_FILE).write_text(facts.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return facts


def _write_rows(path: Path, data: Data, profile: Profile) -> None:
    """Values as their columns' kinds have them: categories without a fraction, true and false, nothing where one is missing."""
    target = data.target(bool(profile.classes))
    labels = [class_name(value) for value in target.values] if profile.classes else target.values
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(column.name for column in data.columns), target.name])
        writer.writerows(
            [*("" if value is None else str(value).lower() if isinstance(value, bool) else value for value in row), label]
            for row, label in zip(data.rows, labels, strict=True)
        )
