"""What can't be served rightly is refused: status 2, one sentence with the real cause, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pandas as pd
import pytest

from .answer_check import class_name
from .conftest import Fitted
from .processes import Ended, Forking, served
from .write_wrong import NOTED, WRONG
from .wrong_models import Words

LONGEST = 500
"""Characters of a sentence, without the folders of a file's path."""

REPLACED = ("multi-label OneVsRest", "raw scores, ZipMap", "thousands", "target absent", "pickle cut off")
"""One of each kind, over a model that was made before."""


@pytest.fixture
def written(script: Forking, tmp_path: Path) -> Callable[[str], Fitted]:
    """What the script writes of that name."""

    def write(name: str) -> Fitted:
        made = Fitted(tmp_path / re.sub(r"[^\w-]", "_", name))
        ended = script.run("tests.models.write_wrong", name, made.folder)
        assert ended.status == 0, ended.output
        return made

    return write


@pytest.mark.parametrize("name", list(WRONG))
def test_refusal_is_one_sentence_with_its_cause(
    name: str, written: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking
) -> None:
    """And no folder is made; where it may pass, the model is served and answers its own data's rows."""
    fitted, wrong = written(name), WRONG[name]
    ended = profile(fitted, *wrong.options, unsafe_pickle=wrong.unsafe_pickle)
    if wrong.may_pass and ended.status == 0:
        answers_own_example(fitted, vitals)
        return
    check_refusal(ended, wrong.words)
    assert not fitted.served.exists(), sorted(fitted.served.iterdir())


@pytest.mark.parametrize("name", REPLACED)
def test_refusal_leaves_the_folder_as_it_was(
    name: str, fit: Callable[[str], Fitted], written: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking
) -> None:
    """A model that was made there before can be served all the same."""
    before = fit("LogisticRegression-float32-10_padded")
    assert profile(before).status == 0
    had = hashes(before.served)
    fitted = written(name)
    before.served.rename(fitted.served)
    check_refusal(profile(fitted, *WRONG[name].options), WRONG[name].words)
    assert hashes(fitted.served) == had


@pytest.mark.parametrize("name", list(NOTED))
def test_note_names_what_one_should_know(
    name: str, written: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking
) -> None:
    """It is served all the same."""
    fitted = written(name)
    ended = profile(fitted)
    assert ended.status == 0, ended.output
    check_names(ended.output, NOTED[name].words)
    answers_own_example(fitted, vitals)


def test_model_names_the_version_that_dumped_it(
    written: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking
) -> None:
    """Not that of the library which reads it today."""
    fitted = written("another scikit-learn")
    assert profile(fitted).status == 0
    with served(vitals, fitted.served) as url:
        assert "1.5.2" in httpx.get(f"{url}/model", timeout=30).json()["trained_with"]


@pytest.mark.parametrize("case", ["ONNX-tree-int64-2_integers", "ONNX-columns-int64-2_text"])
def test_fraction_is_not_cut_off(case: str, fit: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking) -> None:
    """A model of whole numbers refuses others, or answers as the estimator does."""
    fitted = fit(case)
    ended = profile(fitted)
    assert ended.status == 0, ended.output
    estimator = pickle.loads((fitted.folder / "own.pickle").read_bytes())  # noqa: S301  (the script wrote it)
    with served(vitals, fitted.served) as url:
        for row in fitted.answers["rows"][:20]:
            for name in [name for name, value in row.items() if type(value) is int]:
                for value in (row[name] + 0.9, row[name] - 0.4, 1e25):
                    asked = {**row, name: value}
                    answer = httpx.post(f"{url}/predict", json={"features": asked}, timeout=30)
                    if answer.status_code != 422:
                        [wanted] = estimator.predict(pd.DataFrame([asked])).tolist()
                        assert answer.status_code == 200, answer.text
                        assert answer.json()["prediction"] == class_name(wanted), asked


def check_refusal(ended: Ended, words: Words) -> None:
    """Status 2, one sentence, each of `words` in it."""
    assert ended.status == 2, f"status {ended.status}:\n{ended.output[-2000:]}"
    assert "Traceback" not in ended.output, ended.output[-3000:]
    said = ended.output.strip()
    assert "\n" not in said, f"more than a sentence:\n{said}"
    assert len(re.sub(r"/\S+/", "", said)) <= LONGEST, f"a long sentence:\n{said}"
    assert said.endswith((".", "?")), said
    check_names(said, words)


def check_names(said: str, words: Words) -> None:
    """Each of `words` is in it, in one of its spellings."""
    for word in words:
        either = (word,) if isinstance(word, str) else word
        assert any(one.lower() in said.lower() for one in either), f"{' or '.join(either)} is not named:\n{said}"


def answers_own_example(fitted: Fitted, vitals: Forking) -> None:
    """It is served, and answers the example of its own profile."""
    with served(vitals, fitted.served) as url:
        model = httpx.get(f"{url}/model", timeout=30).json()
        example = {feature["name"]: feature["example"] for feature in model["features"]}
        answer = httpx.post(f"{url}/predict", json={"features": example}, timeout=30)
    assert answer.status_code == 200, answer.text
    assert model["quality"].get("accuracy", 1.0) > 0.8, json.dumps(model["quality"])


def hashes(folder: Path) -> dict[str, str]:
    """Every file's hash."""
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()}
