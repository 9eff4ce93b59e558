"""Asks a service from several clients at once, and holds each answer against what the script said of that row."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

CLIENTS = 8
MOST_INSTANCES = 40
LONE = 20
"""Rows that are also asked by themselves."""


@dataclass(frozen=True)
class Question:
    """A row, and the script's own answer for it."""

    row: dict[str, Any]
    predicted: Any
    probabilities: Sequence[float] | None


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from the script's: probabilities absolutely, predicted values as a part of the largest."""

    by: float
    scale: float

    def holds(self, found: float, wanted: float) -> bool:
        """Whether `found` is as good as `wanted`."""
        return math.isfinite(found) and abs(found - wanted) <= self.by * self.scale


def questions(answers: dict[str, Any], model: dict[str, Any]) -> tuple[list[Question], list[str]]:
    """All rows of the script, those with a gap where the profile allows it; and the columns whose gaps are wrongly allowed.

    model: what GET /model says. Wrongly allowed is what the estimator itself can't answer.
    """
    features = {one["name"]: one for one in model["features"]}
    probabilities = answers["probabilities"] or [None] * len(answers["rows"])
    asked = [
        Question(as_asked(row, features), predicted, said)
        for row, predicted, said in zip(answers["rows"], answers["predicted"], probabilities, strict=True)
    ]
    wrongly = []
    for one in answers["gaps"]:
        missing = [name for name, value in one["row"].items() if value is None]
        if not all(features[name]["missing_allowed"] for name in missing):
            continue
        if "raised" in one:
            wrongly.append(f"{', '.join(missing)}: {one['raised']}")
        else:
            asked.append(Question(as_asked(one["row"], features), one["predicted"], one.get("probabilities")))
    return asked, wrongly


def as_asked(row: dict[str, Any], features: dict[str, Any]) -> dict[str, Any]:
    """A row as GET /model says it is to be written: a category that is a whole number has no fraction."""

    def written(name: str, value: Any) -> Any:
        whole = features[name]["kind"] == "categorical" and isinstance(value, float) and value.is_integer()
        return int(value) if whole else value

    return {name: written(name, value) for name, value in row.items()}


def class_name(value: Any) -> str:
    """A class as the service spells it: true and false as in JSON, whole numbers without a fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def differences(url: str, asked: Sequence[Question], answers: dict[str, Any], tolerance: float, seed: int) -> list[str]:
    """Ask about every row, in lone requests and among others, in random order; what differs from the script, in words."""
    order = random.Random(seed)  # noqa: S311  (an order of requests, not a secret)
    jobs: list[list[Question]] = [[one] for one in order.sample(asked, min(LONE, len(asked)))]
    rest = order.sample(asked, len(asked))
    while rest:
        size = order.randint(2, MOST_INSTANCES)
        jobs.append(rest[:size])
        rest = rest[size:]
    order.shuffle(jobs)
    names = answers["classes"] and [class_name(one) for one in answers["classes"]]
    largest = 1.0 if names else max(1.0, *(abs(one.predicted) for one in asked))
    allowed = Tolerance(tolerance, largest)
    found = asyncio.run(_ask_all(url, jobs))
    return [
        f"{question.row}: {wrong}"
        for job, told in zip(jobs, found, strict=True)
        for question, answer in zip(job, told if isinstance(told, list) else [told] * len(job), strict=True)
        if (wrong := _difference(question, answer, names, allowed))
    ]


def _difference(question: Question, answer: Any, names: list[str] | None, allowed: Tolerance) -> str | None:
    if isinstance(answer, str):
        return answer
    predicted = answer["prediction"]
    if names is None:
        close = isinstance(predicted, float) and allowed.holds(predicted, question.predicted)
        return None if close else f"{predicted} for {question.predicted}"
    if predicted != class_name(question.predicted):
        return f"{predicted!r} ({answer.get('confidence')}) for {class_name(question.predicted)!r} ({question.probabilities})"
    assert question.probabilities is not None
    given = answer["probabilities"]
    if sorted(given) != sorted(names):
        return f"the classes {list(given)} for {names}"
    far = [name for name, wanted in zip(names, question.probabilities, strict=True) if not allowed.holds(given[name], wanted)]
    if far:
        return f"the probability of {far[0]!r} is {given[far[0]]} for {question.probabilities[names.index(far[0])]}"
    if answer["confidence"] != given[predicted]:
        return f"the confidence {answer['confidence']} is not that of {predicted!r}"
    return None


async def _ask_all(url: str, jobs: Sequence[Sequence[Question]]) -> list[Any]:
    """For each job its answers, one a row; a text where the request as a whole was refused or failed."""
    told: list[Any] = [None] * len(jobs)
    waiting = list(enumerate(jobs))

    async def client() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60, verify=False) as one:
            while waiting:
                place, job = waiting.pop()
                lone = len(job) == 1
                body = {"features": job[0].row} if lone else {"instances": [question.row for question in job]}
                answer = await one.post("/predict", json=body)
                if answer.status_code != 200:
                    told[place] = f"HTTP {answer.status_code}: {answer.text[:400]}"
                else:
                    told[place] = [answer.json()] if lone else answer.json()["predictions"]

    async with asyncio.TaskGroup() as clients:
        for _ in range(min(CLIENTS, len(jobs))):
            clients.create_task(client())
    return told
