"""`vitals.telemetry` is for any application: nothing in it is named for what a model does."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

import pytest

import vitals.telemetry

FOLDER = Path(vitals.telemetry.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
OF_MODELS = re.compile(r"predict|model|label|confiden|inferen|feature", re.IGNORECASE)
NAMED_SO = re.compile(r"\bml\.")


def identifiers(path: Path) -> set[str]:
    """All names in the code, and the file's own."""
    with path.open("rb") as source:
        return {path.stem, *(token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.NAME)}


def texts(path: Path) -> str:
    with path.open("rb") as source:
        return " ".join(token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.STRING)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(FOLDER)) for path in FILES])
def test_no_name_speaks_of_models(path: Path) -> None:
    assert not {name for name in identifiers(path) if OF_MODELS.search(name)}
    assert not NAMED_SO.findall(texts(path)), "no span, metric or attribute of models"


def test_the_rule_finds_such_names(tmp_path: Path) -> None:
    wrong = tmp_path / "predicted.py"
    wrong.write_text('class NamedModel:\n    name = "ml.model.name"\n')
    assert {name for name in identifiers(wrong) if OF_MODELS.search(name)} == {"predicted", "NamedModel"}
    assert NAMED_SO.findall(texts(wrong))
