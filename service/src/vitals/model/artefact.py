"""What every artefact can do once it is open, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from vitals.bundle.model_card import ARTEFACT_FORMATS, OnnxOutput
from vitals.errors import ModelMismatch
from vitals.estimators.known_column import KnownColumn
from vitals.estimators.trained_version import two_versions
from vitals.model.threads import limit_jobs
from vitals.model_formats.file_kind import check_file
from vitals.model_io.inputs import Container, Inputs, Row
from vitals.model_io.output import ModelOutput

__all__ = ["Artefact", "Container", "Inputs", "ModelOutput", "Row", "open_artefact"]


class Artefact(Protocol):
    """A model as its file has it; it knows nothing of a profile."""

    @property
    def task(self) -> Literal["classification", "regression"]:
        """What it predicts."""

    @property
    def width(self) -> int | None:
        """How many features it takes, where it says so."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The features' names in order, where it knows them."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes in the order of its probabilities; None where it does not know them, and for regression."""

    @property
    def container(self) -> Container:
        """What it takes, as far as it says: an array, or a DataFrame."""

    @property
    def raw_classes(self) -> tuple[Any, ...] | None:
        """The classes as the model itself has them, texts or numbers; None where it does not say."""

    def known_columns(self, names: Sequence[str]) -> dict[str, KnownColumn]:
        """What the model knows of its features' columns, by name; nothing of those that are absent."""

    @property
    def output(self) -> OnnxOutput | None:
        """What an ONNX graph's outputs mean; None for anything else."""

    @property
    def runtime(self) -> str:
        """What answers: a library and its version."""

    @property
    def made_with(self) -> str:
        """The library that made it, as far as it says."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what one should know of the file, such as that another scikit-learn saved it."""

    def ask(self, inputs: Inputs, rows: Sequence[Row]) -> ModelOutput:
        """The model's answers for `rows`; whatever its library raises for rows that it can't take."""


def open_artefact(
    path: Path, *, allow_pickle: bool = False, threads: int | None = None, output: OnnxOutput | None = None
) -> Artefact:
    """Open the model in `path`, by the ending of its name; `output` says what an ONNX model's outputs mean, where it is known.


    threads: those of one call; without it an estimator keeps the `n_jobs` that it was fitted with, and ONNX has one.
    Raises ModelMismatch where the file can't be read, or not safely, or holds no model that can be served.
    """
    form = ARTEFACT_FORMATS.get(path.suffix)
    if form is None:
        raise ModelMismatch(f"{path} ends in none of {', '.join(ARTEFACT_FORMATS)}: its format is not known.")
    check_file(path, form)
    if form == "onnx":
        from vitals.model_formats.onnx_format import read_onnx

        return read_onnx(path, output, threads=threads or 1)
    if form == "skops":
        from vitals.model_formats.skops_format import read_skops as read
    else:
        if not allow_pickle:
            raise ModelMismatch(
                f"{path} is a pickle, and a pickle can run any code when it is read. Save the model as skops or ONNX; "
                "or, where you trust the file, allow it with ALLOW_PICKLE=true (`vitals profile`: --unsafe-pickle)."
            )
        from vitals.model_formats.pickle_format import read_pickle as read
    from vitals.estimators.estimator import Estimator

    loaded = read(path)
    try:
        if threads is not None:
            limit_jobs(loaded.estimator, threads)
        return Estimator(loaded.estimator, path, loaded.saved_by)
    except Exception as wrong:  # an estimator that another scikit-learn saved can lack any attribute
        versions = two_versions(loaded.saved_by)
        if not versions:
            raise
        said = str(wrong) if isinstance(wrong, ModelMismatch) else f"{path} can't be asked ({type(wrong).__name__}: {wrong})."
        raise ModelMismatch(f"{said} {versions}") from wrong
