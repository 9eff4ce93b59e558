"""A model that is loaded and ready to be asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.folder import ServedFolder, read_folder
from vitals.bundle.model_card import ModelFacts
from vitals.bundle.schema import Feature, Profile
from vitals.errors import ModelMismatch
from vitals.model.artefact import Artefact, Container, Inputs, ModelOutput, Row, open_artefact

__all__ = ["Outcome", "Row", "ServedModel", "load_model"]


@dataclass(slots=True)  # frozen would take four times as long to make one
class Outcome:
    """The model's answer for one row: a class with its probability, or (regression) a number and nothing else."""

    predicted: str | float
    class_index: int | None = None
    confidence: float | None = None
    probabilities: tuple[float, ...] | None = None


class Answering:
    """Turns what an artefact gives for rows into outcomes. `predict` is called from one thread at a time."""

    def __init__(
        self, artefact: Artefact, features: Sequence[Feature], classes: Sequence[str], container: Container | None = None
    ) -> None:
        """container: what the artefact is given, where that was found out before; without it, what it says of itself."""
        self._artefact = artefact
        self._classes = tuple(classes)
        self._index = {name: index for index, name in enumerate(self._classes)}
        if set(self._classes) == {"false", "true"}:  # a graph has no true and false among its labels
            self._index |= {"0": self._index["false"], "1": self._index["true"]}
        self._inputs = Inputs(features, container or artefact.container)

    @property
    def runtime(self) -> str:
        """What answers: a library and its version."""
        return self._artefact.runtime

    @property
    def notes(self) -> tuple[str, ...]:
        """What one should know of the artefact."""
        return self._artefact.notes

    def predict(self, rows: Sequence[Row]) -> list[Outcome]:
        """Answer `rows`, each in the order of the profile's features; gives as many outcomes, in the same order.

        Raises ValueError where a probability or a predicted value is not finite, and whatever the model raises.
        """
        output = self.ask(rows)
        if not self._classes:
            assert output.values is not None  # noqa: S101 - a regression's output
            if not np.isfinite(output.values).all():
                raise ValueError("the model gave a value that is no number")
            return [Outcome(value) for value in output.values.tolist()]
        probabilities = output.probabilities
        assert probabilities is not None  # noqa: S101 - a classification's output
        listed: list[list[float]] = probabilities.tolist()
        if not _finite(probabilities, listed):
            raise ValueError("the model gave a probability that is no number")
        if probabilities.shape[1] != len(self._classes):
            raise ValueError(f"the model gave {probabilities.shape[1]} probabilities for {len(self._classes)} classes")
        return [
            Outcome(self._classes[chosen], chosen, row[chosen], tuple(row))
            for row, chosen in zip(listed, self._chosen(output), strict=True)
        ]

    def ask(self, rows: Sequence[Row]) -> ModelOutput:
        """The artefact's answers for `rows` as they are: no check of them yet."""
        return self._artefact.ask(self._inputs, rows)

    def indexed(self, rows: Sequence[Row]) -> ModelOutput:
        """As `ask`, with `chosen` for whatever names its classes otherwise."""
        output = self.ask(rows)
        if output.probabilities is None or output.chosen is not None:
            return output
        return ModelOutput(output.probabilities, np.array(self._chosen(output), dtype=np.intp))

    def _chosen(self, output: ModelOutput) -> list[int]:
        """For each row the index of the class that the model predicts."""
        if output.chosen is not None:
            found: list[int] = output.chosen.tolist()
            return found
        if output.labels is not None:
            return [self._index[label] for label in output.labels]
        assert output.probabilities is not None  # noqa: S101 - a classification's output
        most: list[int] = output.probabilities.argmax(axis=1).tolist()
        return most


def _finite(numbers: NDArray[Any], listed: list[list[float]]) -> bool:
    """Whether all are numbers; listed: the same as lists. NumPy takes as long for one row as for a hundred."""
    if len(listed) == 1 and math.isfinite(sum(listed[0])):
        return True
    return bool(np.isfinite(numbers).all())


class ServedModel(Answering):
    """A model with its facts and its profile."""

    def __init__(self, facts: ModelFacts, profile: Profile, artefact: Artefact) -> None:
        super().__init__(artefact, profile.features, profile.classes, facts.container)
        self.facts = facts
        self.profile = profile


def load_model(folder: Path, *, allow_pickle: bool = False, threads: int | None = None) -> ServedModel:
    """Load the artefact of `folder`, hold it against its profile, and ask it once.

    No code from the artefact runs, unless it is a pickle and `allow_pickle` says that the operator wants that.
    Raises ModelMissing or ModelMismatch with a sentence.
    """
    served = read_folder(folder)
    profile = served.profile
    artefact = open_artefact(served.artefact, allow_pickle=allow_pickle, threads=threads, output=served.facts.output)
    _belongs(artefact, served)
    model = ServedModel(served.facts, profile, artefact)
    try:
        model.predict([[feature.example for feature in profile.features]])
    except ModelMismatch:
        raise
    except Exception as wrong:  # whatever libraries raise for a row that they can't take
        notes = "".join(f" {note}" for note in artefact.notes)
        raise ModelMismatch(
            f"{served.artefact} can't answer the example row of its profile ({type(wrong).__name__}: {wrong}): "
            f"make the folder again with `vitals profile`.{notes}"
        ) from wrong
    return model


def _belongs(artefact: Artefact, served: ServedFolder) -> None:
    """Raise ModelMismatch where the artefact is not the profile's; what a converted graph can't say of itself, the facts say."""
    profile, path, graph = served.profile, served.artefact, served.facts.graph
    if artefact.task != profile.task:
        raise ModelMismatch(f"{path} is made for {artefact.task}, its profile for {profile.task}: they are of two models.")
    converted = graph is not None and path.name == graph.file
    columns = graph.columns if converted and graph is not None else artefact.columns
    classes = graph.classes if converted and graph is not None else artefact.classes
    names = tuple(feature.name for feature in profile.features)
    if artefact.width not in (None, len(names)):
        raise ModelMismatch(f"{path} takes {artefact.width} features, its profile names {len(names)}: they are of two models.")
    if columns is not None and columns != names:
        raise ModelMismatch(
            f"{path} takes the features {', '.join(columns)}, its profile names {', '.join(names)}: they are of two models."
        )
    if classes is not None and classes != profile.classes:
        raise ModelMismatch(
            f"{path} knows the classes {', '.join(classes)}, its profile {', '.join(profile.classes)}: they are of two models."
        )
