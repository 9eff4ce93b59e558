"""How the estimator is given its rows: the cheapest way that gets the fitted estimator's own answers everywhere.

An array costs less than a DataFrame, and one type for all columns less than several. What was fitted on a DataFrame of several
types may need them: a step that makes texts of whole numbers, or one that chooses columns by their names.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vitals.bundle.schema import Feature
from vitals.estimators.estimator import Estimator
from vitals.model.served import Answering
from vitals.model_io.inputs import Container
from vitals.profiling.conversion.comparison import TOLERANCE_ESTIMATOR, Difference, Expected, compare

_TRIED_FIRST = 100
"""Rows that a way is tried with before it is held against all."""


@dataclass(frozen=True)
class Layout:
    """A way to ask the estimator, and what it was found to differ in."""

    answering: Answering
    features: tuple[Feature, ...]
    container: Container
    difference: Difference


def layout_of(
    estimator: Estimator,
    reopen: Callable[[], Estimator],
    features: Sequence[Feature],
    classes: Sequence[str],
    expected: Expected,
) -> Layout:
    """The cheapest way with no difference from `expected`; where there is none, the most faithful way and its difference.

    `features` have the types of the table; numbers of the layout's features may have wider ones. `reopen` gives the estimator
    anew: one that was given arrays has forgotten its columns' names.
    """
    few = expected.some(_TRIED_FIRST)
    for container, typed in _ways(estimator, features):
        forgets = container == "array" and estimator.columns is not None
        answering = Answering(reopen() if forgets else estimator, typed, classes, container)
        with warnings.catch_warnings():
            # A step that warns of an array at each call does not mean to be given one, and the warning costs more than the call.
            warnings.simplefilter("error" if forgets else "ignore", UserWarning)
            found = compare(answering.indexed, few, tolerance=TOLERANCE_ESTIMATOR, most_alone=0)
            if not found.different:
                found = compare(answering.indexed, expected, tolerance=TOLERANCE_ESTIMATOR)
        if not found.different:
            return Layout(answering, tuple(typed), container, found)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = compare(answering.indexed, expected, tolerance=TOLERANCE_ESTIMATOR)
    return Layout(answering, tuple(typed), container, found)


def _ways(estimator: Estimator, features: Sequence[Feature]) -> Iterator[tuple[Container, Sequence[Feature]]]:
    """From the cheapest to the one that is the user's own."""
    wide = [
        feature.model_copy(update={"dtype": "float64"}) if feature.kind == "numeric" and _is_whole(feature.dtype) else feature
        for feature in features
    ]
    fitted: Container = "array" if estimator.columns is None else "frame"
    numbers = all(feature.kind == "numeric" for feature in wide) and {feature.dtype for feature in wide} in (
        {"float64"},
        {"float32"},
    )
    if fitted == "frame" and estimator.container == "array" and numbers:
        yield "array", wide
    if wide != list(features):
        yield fitted, wide
    yield fitted, features


def _is_whole(dtype: str) -> bool:
    return dtype.startswith(("int", "uint"))
