"""What a model gives for rows, in one form for every kind of artefact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """One call's answers, in the order of the rows.

    Classification: `probabilities`, shape (rows, classes), and the class that the model itself predicts, which need not be the
    most probable one: `chosen`, shape (rows,), its index, or `labels`, its name; neither where the model names none, and the
    most probable one is meant. Regression: `values`, shape (rows,).
    """

    probabilities: NDArray[np.floating[Any]] | None = None
    chosen: NDArray[np.integer[Any]] | None = None
    labels: Sequence[str] | None = None
    values: NDArray[np.float64] | None = None
