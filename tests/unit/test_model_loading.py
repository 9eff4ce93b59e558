"""Loading a model before anything listens: what is wrong is a sentence, here as in a process of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from vitals.errors import ModelError, ModelMismatch, ModelMissing
from vitals.model import loading
from vitals.model.loading import check_model, load


def test_the_loaded_model_answers(model_folder: Path) -> None:
    assert load(model_folder, allow_pickle=False, threads=1).predict([[5.1, 3.5, 1.4, 0.2]])[0].predicted == "setosa"


@pytest.mark.slow
def test_the_check_in_a_process_of_its_own_passes_and_raises_as_loading_here_does(model_folder: Path, tmp_path: Path) -> None:
    check_model(model_folder, allow_pickle=False, threads=1)
    broken = tmp_path / "broken"
    shutil.copytree(model_folder, broken)
    (broken / "model.skops").write_bytes(b"nothing")
    for folder, kind in ((broken, ModelMismatch), (tmp_path / "none", ModelMissing)):
        with pytest.raises(ModelError) as here:
            load(folder, allow_pickle=False, threads=1)
        with pytest.raises(kind) as there:
            check_model(folder, allow_pickle=False, threads=1)
        assert str(there.value) == str(here.value)


def test_what_was_not_foreseen_is_a_sentence_too_and_its_traceback_is_logged(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr(loading, "load_model", broken)
    with pytest.raises(ModelMismatch, match=r"could not be loaded \(ZeroDivisionError: by accident\)\.$"):
        load(model_folder, allow_pickle=False, threads=1)
    assert "Traceback" in caplog.text


class _EndsItsReader(type(Path())):  # type: ignore[misc]  # the class of this platform's paths
    """A folder's name that ends the process which unpickles it, as a system that is short of memory does."""

    def __reduce__(self) -> Any:
        return (os._exit, (137,))


def test_a_check_that_is_killed_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="was killed: is there enough memory for it"):
        check_model(_EndsItsReader(tmp_path), allow_pickle=False, threads=1)
