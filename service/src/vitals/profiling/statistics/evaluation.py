"""What the model says of reference rows: its answers, how good they are, and which gaps it bears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.bins import Value
from vitals.bundle.schema import CalibrationBin, Feature, Predictions
from vitals.errors import DataError, ModelError, first_line
from vitals.model.served import Answering, Outcome
from vitals.model_io.inputs import Row
from vitals.profiling.statistics.calibration import calibrate
from vitals.profiling.statistics.reference import class_bins, value_bins

_ROWS_A_CALL = 1000
_PROBES = 5


def ask(model: Answering, features: Sequence[Feature], rows: Sequence[Row]) -> list[Outcome]:
    """The model's answers for all `rows`, which have these `features`. Raises DataError where it can't answer them."""
    try:
        return [
            outcome
            for first in range(0, len(rows), _ROWS_A_CALL)
            for outcome in model.predict(rows[first : first + _ROWS_A_CALL])
        ]
    except ModelError:
        raise
    except Exception as wrong:  # whatever libraries raise for rows that they can't take
        raise not_answered(model.predict, features, rows, wrong, model.notes) from wrong


def not_answered(
    answer: Callable[[Sequence[Row]], object],
    features: Sequence[Feature],
    rows: Sequence[Row],
    wrong: Exception,
    notes: Sequence[str] = (),
) -> DataError:
    """What to say of `rows` that `answer` failed on with `wrong`: the column, where its gaps are what the model can't take."""
    example = [feature.example for feature in features]
    if _takes(answer, [example]):
        for index, feature in enumerate(features):
            gaps = sum(row[index] is None for row in rows)
            if gaps and not _takes(answer, [[*example[:index], None, *example[index + 1 :]]]):
                return DataError(
                    f"Column '{feature.name}' has no value in {gaps} rows, and the model can't answer a row without it: "
                    "fill these gaps, remove the rows, or fit a pipeline with an imputer."
                )
    if notes:
        return DataError(
            f"The model can't answer the data's rows ({type(wrong).__name__}: {first_line(wrong)}). {' '.join(notes)}"
        )
    return DataError(
        f"The model can't answer the data's rows ({type(wrong).__name__}: {first_line(wrong)}): "
        "are they of the same columns and types as those that it learned from?"
    )


def bearing(model: Answering, features: Sequence[Feature], rows: Sequence[Row]) -> tuple[Feature, ...]:
    """`features` with what the model answers, found out by asking it: rows with a gap, and with a category it has not seen.

    All of `rows`, the reference's, have been asked about before: the gaps that are in them it takes.
    """
    probes = [list(row) for row in rows[:: max(1, len(rows) // _PROBES)][:_PROBES]]

    def answers(index: int, value: Value) -> bool:
        return _takes(model.predict, [[*row[:index], value, *row[index + 1 :]] for row in probes])

    return tuple(
        feature.model_copy(
            update={
                "missing_allowed": feature.missing_share > 0 or answers(index, None),
                "unseen_allowed": feature.kind == "categorical" and answers(index, _unseen(feature)),
            }
        )
        for index, feature in enumerate(features)
    )


def classification(
    outcomes: Sequence[Outcome], truth: Sequence[str], classes: Sequence[str], rows: int
) -> tuple[Predictions, dict[str, float]]:
    """Shares of the predicted classes, calibration, and quality. `rows` is the size of the reference."""
    confidences = np.array([outcome.confidence for outcome in outcomes], dtype=np.float64)
    right = np.array([outcome.predicted == label for outcome, label in zip(outcomes, truth, strict=True)])
    calibration = calibrate(confidences, right)
    bins = class_bins([str(outcome.predicted) for outcome in outcomes], classes, rows)
    index = {name: position for position, name in enumerate(classes)}
    likelihoods = np.array([(outcome.probabilities or ())[index[label]] for outcome, label in zip(outcomes, truth, strict=True)])
    quality = {
        "accuracy": float(right.mean()),
        "expected_accuracy": _expected(calibration),
        "log_loss": float(-np.log(np.clip(likelihoods, np.finfo(np.float64).eps, 1)).mean()),
    }
    return Predictions(bins=bins.bins, psi_null=bins.psi_null, calibration=calibration), quality


def regression(outcomes: Sequence[Outcome], truth: NDArray[np.float64], rows: int) -> tuple[Predictions, dict[str, float]]:
    """Quantile bins of the predicted values, and quality. `rows` is the size of the reference."""
    values = np.array([outcome.predicted for outcome in outcomes], dtype=np.float64)
    errors = values - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    quality = {
        "mean_absolute_error": float(np.abs(errors).mean()),
        "root_mean_squared_error": float(np.sqrt((errors**2).mean())),
    }
    if spread > 0:
        quality["r2"] = 1 - float((errors**2).sum()) / spread
    return Predictions.model_validate(value_bins(values, rows).model_dump()), quality


def _expected(calibration: Sequence[CalibrationBin]) -> float:
    """The accuracy that the calibrated confidences promise: what the estimate without labels gives for the reference itself."""
    return float(sum(one.share * one.accuracy for one in calibration))


def _takes(answer: Callable[[Sequence[Row]], object], rows: Sequence[Row]) -> bool:
    try:
        answer(rows)
    except Exception:  # whatever libraries raise for a row that they can't take
        return False
    return True


def _unseen(feature: Feature) -> Any:
    numbers = [category for category in feature.categories if isinstance(category, int)]
    return max(numbers) + 1 if numbers else "(unseen)"
