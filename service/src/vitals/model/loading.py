"""Loading the model before anything listens: what can be wrong with it is a sentence, whatever the libraries raise."""

from __future__ import annotations

import logging
import traceback
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from vitals.errors import ModelError, ModelMismatch
from vitals.model.served import ServedModel, load_model

_logger = logging.getLogger(__name__)


def load(folder: Path, *, allow_pickle: bool, threads: int) -> ServedModel:
    """The model of `folder`, ready to be asked. Raises ModelError with a sentence; what was not foreseen is logged besides."""
    try:
        return load_model(folder, allow_pickle=allow_pickle, threads=threads)
    except ModelError:
        raise
    except Exception as wrong:
        _logger.critical("%s", "".join(traceback.format_exception(wrong)))
        raise _unforeseen(folder, wrong) from wrong


def check_model(folder: Path, *, allow_pickle: bool, threads: int) -> None:
    """Load the model in a process of its own, which then ends: this one does not keep what it needs in memory.

    Raises ModelError with the sentence that loading it here would raise.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        try:
            wrong = other.submit(_checked, folder, allow_pickle, threads).result()
        except BrokenProcessPool:
            raise ModelMismatch(
                f"The process that loaded the model in {folder} to check it was killed: is there enough memory for it?"
            ) from None
    if wrong is not None:
        raise wrong


def _checked(folder: Path, allow_pickle: bool, threads: int) -> ModelError | None:
    try:
        load(folder, allow_pickle=allow_pickle, threads=threads)
    except ModelError as wrong:
        return type(wrong)(str(wrong))  # without its cause, which another process may not be able to read
    return None


def _unforeseen(folder: Path, wrong: Exception) -> ModelMismatch:
    return ModelMismatch(f"The model in {folder} could not be loaded ({type(wrong).__name__}: {wrong}).")
