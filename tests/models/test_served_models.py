"""A row's answer is the estimator's own: alone, in any batch, in any order, beside any other rows, with any allowed gap.

Each case of the table is fitted by a script that knows nothing of the service, profiled by `vitals profile`, served by
`vitals serve`, and asked over HTTP by several clients at once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from .answer_check import differences, questions
from .cases import CASES
from .conftest import Fitted
from .processes import Ended, Forking, served

TOLERANCE, TOLERANCE_OF_ONNX = 1e-6, 1e-5

CONVERTED = (
    "DecisionTree-float32-10_padded",
    "GradientBoosting-numbers-2_booleans",
    "GaussianNB-numbers-50_integers",
    "LDA-counts-10_integers",
    "MLP-numbers-50_text",
    "QuantileTransformer-2_booleans",
    "LinearRegression-float32",
    "Ridge-numbers",
    "ForestRegressor-float32",
)
"""Cases that skl2onnx converts rightly."""

NOT_CONVERTED = {
    "LogisticRegression-mixed_gaps-3_integers": "implemented when the missing values are string",
    "HistGradientBoosting-mixed_gaps-5_text": "implemented when the missing values are string",
    "row_deviation-2_text": "FunctionTransformer is not supported",
    "booleans-2_text": "the input city takes no missing values",
}
"""Cases that it does not, and a part of the reason: gaps among texts, a step of one's own, an encoder that takes a gap for one
more unknown word."""


@pytest.mark.parametrize("name", list(CASES))
def test_answers_are_the_estimators_own(
    name: str, fit: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking
) -> None:
    """With the runtime that the profile chooses."""
    fitted = fit(name)
    check(fitted, profile(fitted, "--json", *CASES[name].options), vitals)


@pytest.mark.parametrize("runtime", ["sklearn", "onnx"])
@pytest.mark.parametrize("name", CONVERTED)
def test_answers_are_the_estimators_own_by_either_runtime(
    name: str, runtime: str, fit: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking
) -> None:
    """With the runtime that the operator names."""
    fitted = fit(name)
    model = check(fitted, profile(fitted, "--json", "--runtime", runtime, *CASES[name].options), vitals)
    assert by_onnx(model) == (runtime == "onnx"), model["runtime"]


@pytest.mark.parametrize("name", list(NOT_CONVERTED))
def test_what_can_not_be_converted_is_served_by_scikit_learn(
    name: str, fit: Callable[[str], Fitted], profile: Callable[..., Ended], vitals: Forking
) -> None:
    """And is refused where the operator wants ONNX Runtime: with its reason, and nothing is written."""
    fitted = fit(name)
    refused = profile(fitted, "--runtime", "onnx")
    assert refused.status == 2, refused.output
    assert "ONNX" in refused.output, refused.output
    assert NOT_CONVERTED[name] in refused.output, refused.output
    assert "No such option" not in refused.output, refused.output
    *progress, sentence = refused.output.strip().splitlines()
    assert sentence.startswith("The model can't be served by ONNX Runtime: "), refused.output
    assert all(line.startswith("converting the model") for line in progress), refused.output  # said of a step that takes long
    assert not fitted.served.exists()
    assert not by_onnx(check(fitted, profile(fitted), vitals))


def check(fitted: Fitted, profiled: Ended, vitals: Forking) -> Any:
    """Fail unless the model was profiled and every answer is the script's; gives what GET /model says."""
    assert profiled.status == 0, profiled.output
    answers = fitted.answers
    with served(vitals, fitted.served) as url:
        model = httpx.get(f"{url}/model", timeout=30).json()
        asked, wrongly = questions(answers, model)
        tolerance = TOLERANCE_OF_ONNX if by_onnx(model) else TOLERANCE
        different = differences(url, asked, answers, tolerance, seed_of(fitted.folder))
    shown = "\n".join(different[:5])
    assert not different, f"{len(different)} answers differ, of {len(asked)} rows:\n{shown}\n{profiled.output[-1500:]}"
    assert not wrongly, f"gaps are allowed that the estimator can't answer: {wrongly[:3]}"
    refused = [one["name"] for one in model["features"] if one["name"] in answers["with_gaps"] and not one["missing_allowed"]]
    assert not refused, f"gaps are in the data, and not allowed: {refused}"
    if "accuracy" in answers:
        assert model["quality"]["accuracy"] == pytest.approx(answers["accuracy"], abs=1e-9), "the accuracy is not the script's"
    return model


def by_onnx(model: dict[str, Any]) -> bool:
    """Whether ONNX Runtime answers, by what GET /model says."""
    return "onnx" in json.dumps([model["format"], model.get("runtime")]).lower()


def seed_of(folder: Path) -> int:
    """The order of requests: random, and the same in each run of a case."""
    return zlib.crc32(folder.name.encode())
