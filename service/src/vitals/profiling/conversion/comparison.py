"""The rule of a served model: each row's answer is the fitted estimator's own, alone and in any batch.

The right answers are what `predict` and `predict_proba` say of the table as the user's own reader gives it. What is held against
them is what the service would answer: rows as requests have them, through the code that serves.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.bundle.model_card import Comparison
from vitals.bundle.schema import Feature
from vitals.errors import first_line
from vitals.estimators.estimator import Estimator
from vitals.model_io.inputs import Row
from vitals.model_io.output import ModelOutput

TOLERANCE_ESTIMATOR, TOLERANCE_ONNX = 1e-6, 1e-5
"""How far a probability may be from the right one; a number, in parts of its own size or of the data's spread."""

_SIZES = (1, 2, 5, 16, 64, 256)
"""Rows in the batches that are tried: a lone request's, and what queues under load."""

_MOST_IN_SMALL_BATCHES, _LARGE = 20_000, 1000
"""How many rows are asked for in batches of these sizes; what is more comes in batches of a thousand."""

MOST_ALONE, MOST_WITH_GAPS = 1000, 20_000
_SECONDS_ALONE, _FEWEST_ALONE = 2.0, 100
_SEED = 1

Ask = Callable[[Sequence[Row]], ModelOutput]


@dataclass(frozen=True)
class Expected:
    """Rows as requests have them, and the right answers to them, in the same order."""

    rows: list[Row]
    output: ModelOutput

    def __add__(self, other: Expected) -> Expected:
        """Both, one after the other."""
        return Expected([*self.rows, *other.rows], joined([self.output, other.output]))

    def some(self, most: int) -> Expected:
        """At most so many of the rows, evenly spread."""
        at = (
            np.unique(np.linspace(0, len(self.rows) - 1, most).astype(int))
            if len(self.rows) > most
            else np.arange(len(self.rows))
        )

        def taken(part: Any) -> Any:
            return None if part is None else part[at]

        output = self.output
        return Expected(
            [self.rows[index] for index in at],
            ModelOutput(taken(output.probabilities), taken(output.chosen), None, taken(output.values)),
        )


@dataclass(frozen=True)
class Difference:
    """What a comparison found; `sentence` names the kind of difference, and is empty where there is none.

    `failed`: the first error that was raised instead of an answer, if there was one.
    """

    different: int
    classes_different: int
    largest: float
    alone: int
    sentence: str = ""
    failed: str = ""


def expected_of(estimator: Estimator, table: pd.DataFrame, rows: Sequence[Row]) -> Expected:
    """What the estimator says of `table`, the features' columns as they were read; `rows` are the same, as requests have them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Expected(list(rows), estimator.answer(table if estimator.columns is not None else table.to_numpy()))


def with_gaps(estimator: Estimator, table: pd.DataFrame, rows: Sequence[Row], features: Sequence[Feature]) -> Expected | None:
    """Each row once more (20,000 at most, evenly spread), with a gap or two where gaps are allowed; None where none is.

    The right answer for a row with a gap in a column is the estimator's for a table that has no value in this column: a table of
    this row alone looks so.
    """
    allowed = [index for index, feature in enumerate(features) if feature.missing_allowed]
    by_gaps: dict[tuple[int, ...], list[int]] = {}
    for turn, position in enumerate(range(0, len(rows), max(1, len(rows) // MOST_WITH_GAPS)) if allowed else ()):
        first = allowed[turn % len(allowed)]
        second = allowed[(turn // len(allowed)) % len(allowed)] if turn % 3 == 0 else first
        by_gaps.setdefault(tuple(sorted({first, second})), []).append(position)
    found: Expected | None = None
    for gaps, at in by_gaps.items():
        part = table.iloc[at].copy()
        for index in gaps:
            part.isetitem(index, _emptied(part.iloc[:, index], features[index]).array)
        blank = [[None if index in gaps else value for index, value in enumerate(rows[position])] for position in at]
        try:
            one = expected_of(estimator, part, blank)
        except Exception:  # noqa: S112 - two gaps at once may be more than it takes, where each alone is answered
            continue
        found = one if found is None else found + one
    return found


def compare(ask: Ask, expected: Expected, *, tolerance: float, most_alone: int = MOST_ALONE) -> Difference:
    """Ask for all rows in batches of several sizes, in an order of chance, and for `most_alone` of them alone, too.

    Where asking alone takes more than two seconds, a hundred rows are enough.
    """
    order = np.random.default_rng(_SEED).permutation(len(expected.rows))
    scale = _scale(expected.output)
    wrong, alone_wrong, wrong_class = (np.zeros(len(order), dtype=bool) for _ in range(3))
    largest, failed, alone = 0.0, "", 0

    def held(at: NDArray[np.intp], into: NDArray[np.bool_]) -> None:
        nonlocal largest, failed
        try:
            bad, bad_class, difference = _held(ask([expected.rows[index] for index in at]), expected.output, at, tolerance, scale)
        except Exception as error:  # whatever libraries raise for rows that they can't take
            failed = failed or f"{type(error).__name__}: {first_line(error)}"
            bad = bad_class = np.ones(len(at), dtype=bool)
            difference = 0.0
        into[at] = bad
        wrong_class[at] |= bad_class
        largest = max(largest, difference)

    for at in _batches(order):
        held(at, wrong)
    started = time.monotonic()
    for index in order[:most_alone]:
        held(np.array([index]), alone_wrong)
        alone += 1
        if alone >= _FEWEST_ALONE and time.monotonic() - started > _SECONDS_ALONE:
            break
    different = int((wrong | alone_wrong).sum())
    sentence = ""
    if different:
        asked = order[:alone]
        if failed:
            sentence = f"the model can't answer some of these rows as a request has them ({failed})"
        elif (wrong[asked] != alone_wrong[asked]).any():
            sentence = "a row's answer depends on the rows that are asked for beside it"
        else:
            sentence = "rows as requests have them get other answers than the table"
    return Difference(different, int(wrong_class.sum()), largest, alone, sentence, failed)


def comparison_of(found: Difference, *, against: str, rows: int, gaps: int, tolerance: float, between: int = 0) -> Comparison:
    """What model.json keeps of a comparison."""
    return Comparison(
        against=against,
        rows=rows,
        with_gaps=gaps,
        between=between,
        alone=found.alone,
        tolerance=tolerance,
        different=found.different,
        classes_different=found.classes_different,
        largest_difference=float(f"{found.largest:.2g}"),
    )


def joined(outputs: Sequence[ModelOutput]) -> ModelOutput:
    """Answers one after the other."""

    def whole(parts: list[Any]) -> Any:
        return None if parts[0] is None else np.concatenate(parts)

    return ModelOutput(
        probabilities=whole([one.probabilities for one in outputs]),
        chosen=whole([one.chosen for one in outputs]),
        values=whole([one.values for one in outputs]),
    )


def _batches(order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    first, turn = 0, 0
    while first < len(order):
        size = _SIZES[turn % len(_SIZES)] if first < _MOST_IN_SMALL_BATCHES else _LARGE
        yield order[first : first + size]
        first, turn = first + size, turn + 1


def _held(
    output: ModelOutput, right: ModelOutput, at: NDArray[np.intp], tolerance: float, scale: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float]:
    """For each row whether its answer is wrong, and whether its class is; and the largest difference."""
    if right.values is not None:
        assert output.values is not None  # noqa: S101 - of one task
        should = right.values[at]
        differences = np.abs(output.values - should) / np.maximum(np.abs(should), scale)
        return ~(differences <= tolerance), np.zeros(len(at), dtype=bool), _largest(differences)
    assert right.probabilities is not None and output.probabilities is not None  # noqa: S101, PT018 - of one task
    assert right.chosen is not None  # noqa: S101 - an estimator's
    probabilities = right.probabilities[at]
    differences = np.abs(output.probabilities - probabilities).max(axis=1)
    chosen = output.probabilities.argmax(axis=1) if output.chosen is None else output.chosen
    should_be = right.chosen[at]
    other = chosen != should_be
    return other | ~(differences <= tolerance), other, _largest(differences)


def _largest(differences: NDArray[Any]) -> float:
    finite = differences[np.isfinite(differences)]
    return float(finite.max()) if len(finite) else 0.0


def _scale(output: ModelOutput) -> float:
    """The size below which a number is held against the spread of all, not against itself."""
    if output.values is None or not len(output.values):
        return 1.0
    return max(float(np.std(output.values)), float(np.abs(output.values).mean()) * 1e-3, np.finfo(np.float64).tiny)


def _emptied(column: pd.Series[Any], feature: Feature) -> pd.Series[Any]:
    """The column without a value in any row, of the type that pandas then gives it."""
    if column.dtype == object:
        return pd.Series([None if feature.gap == "none" else np.nan] * len(column), index=column.index, dtype=object)
    if column.dtype == bool:
        return pd.Series([np.nan] * len(column), index=column.index, dtype=object)
    return column.mask(np.ones(len(column), dtype=bool))
