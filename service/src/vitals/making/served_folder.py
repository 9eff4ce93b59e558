"""From an artefact and reference data to a folder that can be served."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from vitals.errors import DataError
from vitals.making.answers import ask, bearing, classification, not_answered, regression
from vitals.making.data import Column, column_of, listed, no_such_column, not_used
from vitals.making.overwriting import replaceable
from vitals.making.reference import feature_of
from vitals.model.artefact import Artefact, Inputs, Row, open_artefact
from vitals.model.served import Answering, Outcome, load_model
from vitals.profile.classes import class_name
from vitals.profile.document import Feature, Profile
from vitals.profile.facts import ARTEFACT_FORMATS, FACTS_FILE, HELD_OUT_FILE, PROFILE_FILE, ModelFacts, sha256_of

LEARNED_FROM = (
    "The model may have learned from these very rows: quality and calibration are flattered then. "
    "Rows that it has not seen, with --held-out, give honest figures."
)


@dataclass(frozen=True)
class Card:
    """What people are told of the model."""

    name: str
    description: str = ""
    trained_on: str = ""


@dataclass(frozen=True)
class Reference:
    """Reference data: `table` with the features and the target; which whole numbers are categories.

    `held_out` are rows that the model has not seen: what it predicts, and how well, is then measured on them.
    `outcomes` are honest answers for the rows of `table` (out of fold), where there are some: measured on them otherwise.
    """

    table: pd.DataFrame
    target: str
    categorical: tuple[str, ...] = ()
    held_out: pd.DataFrame | None = None
    outcomes: Sequence[Outcome] | None = None


@dataclass(frozen=True)
class Made:
    """A folder that was made, and what one should know of it."""

    folder: Path
    facts: ModelFacts
    profile: Profile
    warnings: list[str] = field(default_factory=list)


def make_folder(artefact: Path, reference: Reference, card: Card, folder: Path, *, allow_pickle: bool = False) -> Made:
    """Profile `reference`, ask the model, and write artefact, profile and facts into `folder` (made if absent).

    A model that was made there before is replaced, and nothing else.
    Raises ModelMismatch where the artefact can't be served, DataError where the data are not such that a profile can be made,
    or the folder holds other files than such a model's.
    """
    file = f"model{artefact.suffix}"
    written = [file, PROFILE_FILE, FACTS_FILE]
    if reference.held_out is not None:
        written.insert(0, HELD_OUT_FILE)
    earlier = replaceable(folder, written)
    model = open_artefact(artefact, allow_pickle=allow_pickle)
    profile, warnings = profile_of(model, reference)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch)
        shutil.copyfile(artefact, made / file)
        (made / PROFILE_FILE).write_text(profile.model_dump_json(indent=1) + "\n")
        facts = _facts(made, file, card, model.made_with)
        (made / FACTS_FILE).write_text(facts.model_dump_json(indent=2) + "\n")
        load_model(made, allow_pickle=allow_pickle)
        if reference.held_out is not None:
            _write_rows(made / HELD_OUT_FILE, reference.held_out, profile)
        # The facts come last: whoever reads the folder meanwhile is told that its files do not belong together.
        for name in written:
            (made / name).replace(folder / name)
    for name in earlier - set(written):
        (folder / name).unlink(missing_ok=True)
    return Made(folder, facts, profile, warnings)


def profile_of(model: Artefact, reference: Reference) -> tuple[Profile, list[str]]:
    """The profile of `reference` with the model's answers, and what one should be warned of. Raises DataError."""
    table = reference.table
    names = _feature_names(model, table, reference)
    target = column_of(table, reference.target, categorical=model.task == "classification")
    columns = [column_of(table, name, categorical=name in reference.categorical) for name in names]
    features = tuple(feature_of(column, len(columns)) for column in columns)
    rows = _rows(columns)
    classes: tuple[str, ...] = ()
    if model.task == "classification":
        classes = model.classes or _classes_of(model, features, rows, target)
    truth, outcomes = target, reference.outcomes
    asked = Answering(model, features, classes)
    told = ask(asked, features, rows)  # whatever the quality is measured on: that the model takes these rows is not believed
    if outcomes is not None:
        told = list(outcomes)
    elif reference.held_out is not None:
        measured = _rows(
            [_like(column_of(reference.held_out, one.name, categorical=one.kind == "categorical"), one) for one in columns]
        )
        truth = column_of(reference.held_out, reference.target, categorical=model.task == "classification")
        told = ask(asked, features, measured)
    if model.task == "classification":
        predictions, quality = classification(told, _labels(truth, classes), classes, len(rows))
    else:
        predictions, quality = regression(told, _numbers(truth), len(rows))
    try:
        profile = Profile(
            task=model.task,
            target=reference.target,
            classes=classes,
            rows=len(rows),
            features=bearing(asked, features, rows),
            predictions=predictions,
            quality=quality,
            quality_rows=len(told),
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise DataError(f"No profile can be made from the data ({'.'.join(map(str, first['loc']))}: {first['msg']}).") from None
    return profile, _warnings(reference, profile)


def _write_rows(path: Path, table: pd.DataFrame, profile: Profile) -> None:
    """Values as their columns' kinds have them: categories without a fraction, true and false, nothing where one is missing."""
    columns = [column_of(table, one.name, categorical=one.kind == "categorical") for one in profile.features]
    target = column_of(table, profile.target, categorical=profile.task == "classification")
    labels = [class_name(value) for value in target.values] if profile.classes else target.values
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(column.name for column in columns), target.name])
        writer.writerows(
            [*("" if value is None else str(value).lower() if isinstance(value, bool) else value for value in row), label]
            for row, label in zip(_rows(columns), labels, strict=True)
        )


def _feature_names(model: Artefact, table: pd.DataFrame, reference: Reference) -> tuple[str, ...]:
    """The model's features in its own order; the data's columns but the target where the model does not know their names."""
    unknown = [name for name in reference.categorical if name not in table.columns]
    if unknown:
        raise no_such_column(unknown[0], table, f"There is no column '{unknown[0]}' in the data to take as categories")
    if model.columns is not None:
        if reference.target in model.columns:
            raise DataError(f"Column '{reference.target}' is one of the model's features: it can't be the target, too.")
        lacking = [name for name in model.columns if name not in table.columns]
        if lacking:
            told = f"The model takes the feature '{lacking[0]}', and there is no such column in the data"
            raise no_such_column(lacking[0], table, told)
        return model.columns
    names = tuple(str(name) for name in table.columns if name != reference.target)
    if model.width not in (None, len(names)):
        raise DataError(
            f"The model takes {model.width} features and does not know their names; the data have {len(names)} columns beside "
            f"'{reference.target}' ({listed(names)}): keep those that it learned from, in that order."
        )
    return names


def _rows(columns: Sequence[Column]) -> list[Row]:
    return list(zip(*(column.values for column in columns), strict=True))


def _like(column: Column, reference: Column) -> Column:
    """A column of the held-out rows, with the kind of the reference's."""
    if column.kind != reference.kind:
        raise DataError(f"Column '{column.name}' is {column.kind} in the held-out rows, and {reference.kind} in the reference.")
    return column


def _labels(target: Column, classes: Sequence[str]) -> list[str]:
    """The true classes. Raises DataError where one is missing, or is none that the model knows."""
    _whole(target)
    labels = [class_name(value) for value in target.values]
    strange = sorted(set(labels) - set(classes))
    if strange:
        raise DataError(
            f"Column '{target.name}' has the class '{strange[0]}', which the model does not know: "
            f"it knows {', '.join(classes[:20])}."
        )
    return labels


def _numbers(target: Column) -> Any:
    _whole(target)
    if target.kind != "numeric":
        raise DataError(f"Column '{target.name}' is {target.kind}; the model predicts numbers.")
    return np.array(target.values, dtype=np.float64)


def _whole(target: Column) -> None:
    gaps = len(target.values) - len(target.present)
    if gaps:
        raise DataError(f"Column '{target.name}', the target, has no value in {gaps} rows: remove these rows.")


def _classes_of(model: Artefact, features: Sequence[Feature], rows: Sequence[Row], target: Column) -> tuple[str, ...]:
    """The classes of a model that gives probabilities without their names: the data's, in order, if its own labels agree."""
    _whole(target)
    inputs = Inputs(features)
    classes = tuple(class_name(value) for value in sorted(set(target.present)))
    try:
        output = model.ask(inputs, rows)
    except Exception as wrong:  # whatever libraries raise for rows that they can't take
        raise not_answered(lambda some: model.ask(inputs, some), features, rows, wrong) from wrong
    probabilities, labels = output.probabilities, output.labels
    assert probabilities is not None  # noqa: S101 - a classification's output
    if probabilities.shape[1] != len(classes):
        raise DataError(
            f"The model gives {probabilities.shape[1]} probabilities, and column '{target.name}' has {len(classes)} classes: "
            "the data must have each class that the model knows."
        )
    best = [classes[top] for top in probabilities.argmax(axis=1)]
    if labels is not None and labels != best:
        raise DataError(
            f"The model's labels are not the classes of column '{target.name}' in their order ({', '.join(classes[:20])}): "
            "export it with ZipMap, so that each probability has its class's name."
        )
    return classes


def _facts(made: Path, file: str, card: Card, made_with: str) -> ModelFacts:
    try:
        return ModelFacts(
            name=card.name,
            artefact=file,
            format=ARTEFACT_FORMATS[Path(file).suffix],
            sha256=sha256_of(made / file),
            profile_sha256=sha256_of(made / PROFILE_FILE),
            made_at=datetime.now(UTC).replace(microsecond=0),
            trained_on=card.trained_on,
            trained_with=made_with,
            description=card.description,
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise DataError(f"The model's {first['loc'][0]} is wrong: {first['msg']} (it is {first['input']!r}).") from None


def _warnings(reference: Reference, profile: Profile) -> list[str]:
    warnings = []
    if reference.held_out is None and reference.outcomes is None:
        warnings.append(LEARNED_FROM)
    spare = not_used(reference.table, {profile.target, *(feature.name for feature in profile.features)})
    if spare:
        warnings.append(f"Not used, since the model does not take them: {', '.join(spare[:20])}.")
    constant = [feature.name for feature in profile.features if feature.variance == 0]
    if constant:
        warnings.append(f"The same value in every row: {', '.join(constant)}. Any other value will count as drift.")
    if profile.rows < 200:
        warnings.append(f"Only {profile.rows} rows: drift is told from chance only where it is large.")
    return warnings
