"""What every artefact can do once it is open, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from vitals.errors import ModelMismatch
from vitals.model.file_kind import check_file
from vitals.model.inputs import Inputs, Row
from vitals.model.output import ModelOutput
from vitals.model.trained_version import two_versions
from vitals.profile.facts import ARTEFACT_FORMATS

__all__ = ["Artefact", "Inputs", "ModelOutput", "Row", "open_artefact"]


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
    def made_with(self) -> str:
        """The library that made it, as far as it says."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what one should know of the file, such as that another scikit-learn saved it."""

    def ask(self, inputs: Inputs, rows: Sequence[Row]) -> ModelOutput:
        """The model's answers for `rows`; whatever its library raises for rows that it can't take."""


def open_artefact(path: Path, *, allow_pickle: bool = False) -> Artefact:
    """Open the model in `path`, by the ending of its name.

    Raises ModelMismatch where the file can't be read, or not safely, or holds no model that can be served.
    """
    form = ARTEFACT_FORMATS.get(path.suffix)
    if form is None:
        raise ModelMismatch(f"{path} ends in none of {', '.join(ARTEFACT_FORMATS)}: its format is not known.")
    check_file(path, form)
    if form == "onnx":
        from vitals.model.onnx_format import read_onnx

        return read_onnx(path)
    if form == "skops":
        from vitals.model.skops_format import read_skops as read
    else:
        if not allow_pickle:
            raise ModelMismatch(
                f"{path} is a pickle, and a pickle can run any code when it is read. Save the model as skops or ONNX; "
                "or, where you trust the file, allow it with ALLOW_PICKLE=true (`vitals profile`: --unsafe-pickle)."
            )
        from vitals.model.pickle_format import read_pickle as read
    from vitals.model.estimator import Estimator

    loaded = read(path)
    try:
        return Estimator(loaded.estimator, path, loaded.saved_by)
    except Exception as wrong:  # an estimator that another scikit-learn saved can lack any attribute
        versions = two_versions(loaded.saved_by)
        if not versions:
            raise
        said = str(wrong) if isinstance(wrong, ModelMismatch) else f"{path} can't be asked ({type(wrong).__name__}: {wrong})."
        raise ModelMismatch(f"{said} {versions}") from wrong
