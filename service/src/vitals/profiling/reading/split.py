"""Rows that are held out so that they resemble the others: a systematic sample instead of a lucky one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EVERY, FIRST = 4, 2


def every_fourth(table: pd.DataFrame, target: str, *, classes: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split into reference and held-out rows: every fourth along the first principal component, within each class.

    Systematic sampling from an ordered list (Cochran 1977, "Sampling Techniques", chapter 8) gives both parts nearly the
    same distribution along the order, where a random quarter of 150 rows would differ from the rest by chance.
    """
    along = _first_component(table.drop(columns=target))
    if classes:
        groups = table[target].astype(str).to_numpy()
    else:
        # Regression: the order is that of the target and of the features, by turns of ten equal groups of the target.
        groups = pd.qcut(table[target].rank(method="first"), 10, labels=False).to_numpy()
    order = np.lexsort((along, groups))
    held_out = np.zeros(len(table), dtype=bool)
    held_out[order[FIRST::EVERY]] = True
    return table[~held_out].reset_index(drop=True), table[held_out].reset_index(drop=True)


def _first_component(features: pd.DataFrame) -> NDArray[np.float64]:
    """Each row's place along the first principal component of the standardised numbers; a gap counts as the mean."""
    numbers = features.select_dtypes("number").to_numpy(dtype=np.float64)
    standardised = np.nan_to_num((numbers - np.nanmean(numbers, axis=0)) / np.nanstd(numbers, axis=0))
    _, _, components = np.linalg.svd(standardised, full_matrices=False)
    first = components[0] * np.sign(components[0][np.abs(components[0]).argmax()])
    along: NDArray[np.float64] = standardised @ first
    return along
