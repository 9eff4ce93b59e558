"""Processes that fit, profile and serve, one of each kind for all tests of a worker; and a model made ready to be asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from .processes import Ended, Forking

SCRIPT = ("tests.models.fit_models", "tests.models.write_wrong")
SERVICE = (
    "vitals.cli.all_verbs", "vitals.serving.server", "vitals.app", "vitals.profiling.bundle", "vitals.model_formats.skops_format",
    "skops.io",
    "pyarrow.parquet", "onnxruntime", "skl2onnx", "xgboost", "lightgbm", "catboost", "tests.models.row_steps",
    "sklearn.ensemble", "sklearn.neighbors", "sklearn.gaussian_process", "sklearn.neural_network", "sklearn.compose",
)  # fmt: skip
"""What a profile and a service import by themselves; here once, before they are forked."""


@dataclass(frozen=True)
class Fitted:
    """What the script wrote: a model, its data, and its own answers."""

    folder: Path

    @cached_property
    def answers(self) -> Any:
        """The script's own answers."""
        return json.loads((self.folder / "answers.json").read_text())

    @property
    def model(self) -> Path:
        """The model's file."""
        [found] = [one for one in self.folder.glob("model.*") if one.suffix != ".data"]
        return found

    @property
    def data(self) -> Path:
        """The data's file."""
        [found] = self.folder.glob("data.*")
        return found

    @property
    def held_out(self) -> Path | None:
        """The file of the rows that the model has not seen, where there is one."""
        return next(self.folder.glob("held_out.*"), None)

    @property
    def served(self) -> Path:
        """The folder that `vitals profile` makes."""
        return self.folder / "served"


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    """Processes that know nothing of the service."""
    with Forking(SCRIPT, tmp_path_factory.mktemp("script")) as forking:
        yield forking


@pytest.fixture(scope="session")
def vitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    """Processes that are `vitals` commands."""
    with Forking(SERVICE, tmp_path_factory.mktemp("vitals")) as forking:
        yield forking


@pytest.fixture
def fit(script: Forking, tmp_path: Path) -> Callable[[str], Fitted]:
    """Have the script fit a case."""

    def fitted(case: str) -> Fitted:
        made = Fitted(tmp_path / re.sub(r"[^\w-]", "_", case))
        ended = script.run("tests.models.fit_models", case, made.folder)
        assert ended.status == 0, ended.output
        return made

    return fitted


@pytest.fixture
def profile(vitals: Forking) -> Callable[..., Ended]:
    """`vitals profile` of what the script wrote."""

    def profiled(fitted: Fitted, *options: str, unsafe_pickle: bool = True) -> Ended:
        given = ["--model", fitted.model, "--data", fitted.data, "--target", "y", "--out", fitted.served]
        if fitted.model.suffix == ".pickle" and unsafe_pickle:
            given.append("--unsafe-pickle")
        if fitted.held_out:
            given += ["--held-out", fitted.held_out]
        return vitals.run("vitals.cli", "profile", *given, *options)

    return profiled
