"""Steps of pipelines as people write them: a pickle names them by this module, so whoever reads it needs the module."""

from __future__ import annotations

from typing import Any

import numpy as np


def with_mean_and_deviation(rows: Any) -> Any:
    """Append each row's mean and standard deviation: pandas skips gaps and divides by n - 1, numpy does neither."""
    return np.c_[np.asarray(rows), np.asarray(rows.mean(axis=1)), np.asarray(rows.std(axis=1))]


def deviation(rows: Any) -> Any:
    """Each row's standard deviation alone."""
    return np.asarray(rows.std(axis=1)).reshape(-1, 1)


def as_text(rows: Any) -> Any:
    """Every value as its text."""
    return rows.astype(str)


def how_many_missing(rows: Any) -> Any:
    """Append how many values each row lacks: a DataFrame and an array both know."""
    values = np.asarray(rows, dtype=float)
    return np.c_[np.nan_to_num(values), np.isnan(values).sum(axis=1)]


def share_of_first(rows: Any) -> Any:
    """Append the first column's share of the second, by their names."""
    return rows.assign(share=rows["a"] / (rows["b"].abs() + 1))
