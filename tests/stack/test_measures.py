"""Every measure of the recording rules, over two replicas, against numpy and scipy on the very rows that were sent.

Twice: the recorded series, as they are; and each rule's own expression with the counters themselves in place of what they grew by
in a window. `increase` extrapolates to the window's ends, a little differently for each replica, so the first is held to three
hundredths; the counters began at 0 with the test, so the second is held to the last digits.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import yaml

from vitals.bundle.folder import read_folder
from vitals.bundle.schema import Profile
from vitals.checkout import ROOT
from vitals.report.reference import read_rows

from .conftest import AnotherService, Stack, eventually
from .expected_measures import Sent, distributions, expected, psi_of

pytestmark = pytest.mark.slow

RULES = ROOT / "prom-graf/prometheus/rules/demo"
ROWS = 240
NEAR = {"rel": 0.03, "abs": 0.004}
EXACT = {"rel": 1e-9, "abs": 1e-9}


def skewed(profile: Profile, held_out: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows that drift in every way that the model takes: shifted, out of range, missing, unseen."""
    rng = random.Random(4)  # noqa: S311 - test data
    rows = []
    for at in range(ROWS):
        row: dict[str, Any] = {}
        for feature, value in zip(profile.features, rng.choice(held_out), strict=True):
            if feature.kind == "numeric" and value is not None and at % 3 == 0:
                width = (feature.maximum or 0) - (feature.minimum or 0)
                value = value + rng.choice([-1, 1]) * width * rng.choice([0.1, 1.5])
                value = round(value) if feature.integer else value
            if feature.missing_allowed and rng.random() < 0.06:
                value = None
            if feature.unseen_allowed and rng.random() < 0.04:
                value = "somewhere else"
            row[feature.name] = value
        rows.append(row)
    return rows


@pytest.fixture(scope="module", params=["penguins", "diabetes"])
def sent(request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """Two replicas of one model that were asked different things; each was told the truth about the other's answers."""
    name: str = request.param
    folder, key = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp("key") / "key"
    key.touch(0o600)
    key.write_text("0123456789abcdef" * 2)
    trained = stack.vitals("train-example", name, "--out", str(folder))
    assert trained.returncode == 0, trained.stderr
    profile = read_folder(folder).profile
    rows = skewed(profile, [row.values for row in read_rows(folder / "held_out.csv", profile)])
    job = f"measures-{name}"
    with ExitStack() as running:
        replicas = [
            running.enter_context(stack.another_service(job, MODEL_DIR=str(folder), PREDICTION_KEY_FILE=str(key)))
            for _ in range(2)
        ]
        # All series stand at 0 before the first row.
        eventually(
            lambda: stack.query(f'count by (instance) (ml_feature_observations_total{{job="{job}"}} == 0)'),
            lambda found: len(found) == 2,
            why="both replicas' counters are in Prometheus",
        )
        answers = ask(replicas, rows)
        labels = tell(replicas, profile, answers)
        eventually(
            lambda: (stack.total(f'ml_predictions_total{{job="{job}"}}'), stack.total(f'ml_labels_total{{job="{job}"}}')),
            lambda found: found == (len(rows), len(labels)),
            why="every prediction and label is counted",
        )
        yield Sent(job, profile, rows, answers, labels)


def ask(replicas: Sequence[AnotherService], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A third to the one replica, row by row; the rest to the other, many at once."""
    third = len(rows) // 3
    with httpx.Client(timeout=30) as client:
        alone = [client.post(f"{replicas[0].url}/predict", json={"features": row}) for row in rows[:third]]
        answers = [answer.raise_for_status().json() for answer in alone]
        for first in range(third, len(rows), 40):
            answer = client.post(f"{replicas[1].url}/predict", json={"instances": rows[first : first + 40]})
            answers += answer.raise_for_status().json()["predictions"]
    return answers


def tell(replicas: Sequence[AnotherService], profile: Profile, answers: Sequence[dict[str, Any]]) -> dict[int, Any]:
    """The truth about two thirds of the answers, right and wrong ones; from the replica that did not give them."""
    rng = random.Random(5)  # noqa: S311 - test data
    labels: dict[int, Any] = {}
    for at, answer in enumerate(answers):
        if at % 3 < 2:
            wrong = rng.random() < 0.2
            if profile.task == "regression":
                labels[at] = answer["prediction"] + rng.gauss(0, 20)
            else:
                labels[at] = rng.choice(profile.classes) if wrong else answer["prediction"]
    third = len(answers) // 3
    with httpx.Client(timeout=30) as client:
        for replica, of in ((replicas[1], range(third)), (replicas[0], range(third, len(answers)))):
            named = [{"prediction_id": answers[at]["prediction_id"], "label": labels[at]} for at in of if at in labels]
            for first in range(0, len(named), 50):
                client.post(f"{replica.url}/labels", json={"labels": named[first : first + 50]}).raise_for_status()
    return labels


def asked_for(stack: Stack, sent: Sent, expressions: dict[str, str]) -> dict[tuple[str, str], float]:
    """The values of expressions for the model that was asked, by their names and the feature."""
    found = {}
    for name, expression in expressions.items():
        for labels, value in stack.query(expression).items():
            named = json.loads(labels)
            if named.get("job") == sent.job:
                found[name, named.get("ml_feature_name", "")] = value
    return found


def compare(found: dict[tuple[str, str], float], wanted: dict[tuple[str, str], float], tolerance: dict[str, float]) -> list[str]:
    return [
        f"{name} {feature}: {found.get((name, feature))} instead of {value}"
        for (name, feature), value in wanted.items()
        if found.get((name, feature)) != pytest.approx(value, **tolerance)
    ]


def test_recorded_series_are_what_numpy_and_scipy_say(stack: Stack, sent: Sent) -> None:
    """While all rows are in every window: `demo` looks back half a minute at least."""
    wanted = expected(sent)
    # Of rows, `increase` extrapolates the number itself; of everything else it cancels. The threshold has the number in it.
    counts = {key: value for key, value in wanted.items() if key[0].endswith(("_rows", ":rows"))}
    limits = {key: value for key, value in wanted.items() if key[0].endswith("_threshold")}
    shares = {key: value for key, value in wanted.items() if key not in counts and key not in limits}

    def differences() -> list[str]:
        found = asked_for(stack, sent, {name: name for name, _ in wanted})
        return compare(found, counts, {"rel": 0.1}) + compare(found, limits, {"rel": 0.1}) + compare(found, shares, NEAR)

    eventually(differences, lambda wrong: not wrong, within=40, why="the rules say what numpy says")


def test_the_rules_own_expressions_on_the_counters_are_exact(stack: Stack, sent: Sent) -> None:
    wanted = expected(sent)
    rules = recorded()
    found = asked_for(stack, sent, {name: of_counters(name, rules) for name, _ in wanted})
    # What a prediction's calibrated confidence is worth, its id carries to labels in 65,534ths.
    carried = {key: wanted.pop(key) for key in list(wanted) if key[0].endswith((":estimated_of_labelled", ":gap"))}
    assert compare(found, wanted, EXACT) + compare(found, carried, {"rel": 0, "abs": 1e-5}) == []


def test_evidently_says_the_same_of_the_same_bins(sent: Sent) -> None:
    """Its PSI puts 0.0001 for an empty bin alone, and so agrees; of Jensen-Shannon it takes the natural logarithm."""
    stattests = pytest.importorskip("evidently.legacy.calculations.stattests")
    import pandas as pd
    from evidently.legacy.core import ColumnType

    rng = np.random.default_rng(6)
    for feature in sent.profile.features:
        p, q = distributions(feature, [row[feature.name] for row in sent.rows])
        names = np.array([f"bin {at}" for at in range(len(p))])
        now = pd.Series(np.repeat(names, np.rint(p * ROWS).astype(int)))
        then = pd.Series(rng.permutation(np.repeat(names, np.rint(q * sent.profile.rows).astype(int))))
        wanted = expected(sent)
        psi = stattests.psi_stat_test(then, now, ColumnType.Categorical, None).drift_score
        both = (p > 0) | (q > 0)
        assert psi == pytest.approx(psi_of(p[both], q[both]), rel=1e-6)
        assert psi == pytest.approx(wanted["vitals:feature_psi", feature.name], rel=1e-6)
        distance = stattests.jensenshannon_stat_test(then, now, ColumnType.Categorical, None).drift_score
        assert distance / np.sqrt(np.log(2)) == pytest.approx(wanted["vitals:feature_js_distance", feature.name], rel=1e-6)


def recorded() -> dict[str, str]:
    """The expression of each recorded series that has one alone."""
    found: dict[str, list[str]] = {}
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    found.setdefault(rule["record"], []).append(rule["expr"])
    return {name: expressions[0] for name, expressions in found.items() if len(expressions) == 1}


def of_counters(name: str, rules: dict[str, str]) -> str:
    """A rule's expression down to the counters, each of which is taken whole instead of by what it grew by in the window."""
    expression = rules[name]
    while True:
        deeper = re.sub(r"vitals:(?!remembered:)[a-zA-Z0-9_:]+(?:\{[^}]*\})?", lambda found: _inside(found[0], rules), expression)
        if deeper == expression:
            break
        expression = deeper
    # What `increase` does not see of a new series is in the counter already.
    expression = re.sub(r"increase\((\w+(?:\{[^}]*\})?)\[\w+\]\)", r"\1", expression)
    return re.sub(r"min_over_time\((\w+(?:\{[^}]*\})?)\[\w+\]\)", r"(0 * \1)", expression)


def _inside(found: str, rules: dict[str, str]) -> str:
    series, _, matchers = found.partition("{")
    if not matchers:
        return f"({rules[series]})"
    # A selection from a recorded sum is the sum's selection of the same label: both counters have it.
    return "(" + re.sub(r"(ml_feature_observations_total)(?=\[)", rf"\1{{{matchers}", rules[series]) + ")"


def test_every_measure_of_the_rules_is_compared(sent: Sent) -> None:
    """Nothing recorded of a model goes without: what is not here is an ingredient, or a limit, which the alerts' tests hold."""
    ingredients = re.compile(r"_bin:|vitals:reference:|_limit$|:limit$|:expected$|feature_quality|classified_rows|estimated_rows")
    of_models = {name for path in ("drift.yml", "quality.yml") for name in _names(RULES / path) if not ingredients.search(name)}
    assert of_models - {"vitals:validation_failures:rate"} == {name for name, _ in expected(sent)} | (
        {"vitals:absolute_error:mean", "vitals:feature_unseen:share"}
        | {f"vitals:accuracy:{one}" for one in ("labelled", "estimated", "estimated_of_labelled", "gap")}
    )


def _names(path: Path) -> set[str]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
