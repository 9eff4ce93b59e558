"""The sentence on categories that the model's encoder does not know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitals.profiling.reading.unknown_categories import unknown_categories


@pytest.mark.parametrize(
    ("values", "known", "said"),
    [
        (["a", "b", None], ["a", "b"], None),
        ([1, 2], np.array([1, 2]), None),
        ([1, 2], np.array([1.0, 2.0, np.nan]), None),
        (["a"], np.array(["a", None, np.nan], dtype=object), None),
        ([True, False], [True, False], None),
        (
            ["a", "x", "x", "y", None],
            np.array(["a"], dtype=object),
            "Column 'c': 3 of 5 rows have a category that the model's encoder does not know: 'x' (2), 'y' (1).",
        ),
        (
            ["EU", "NA", "NA"],
            ["EU", np.nan],
            "Column 'c': 2 of 3 rows have a category that the model's encoder does not know: 'NA' (2). "
            "Plain pandas.read_csv takes such a text for a missing value, as it may have done when the model was fitted.",
        ),
        (
            ["1", "2", "2"],
            [1, 2],
            "Column 'c': 3 of 3 rows have a category that the model's encoder does not know: '2' (2), '1' (1). "
            "It knows them as another type (int): text and numbers are not the same.",
        ),
        (
            [f"k{number}" for number in range(8)],
            ["a"],
            "Column 'c': 8 of 8 rows have a category that the model's encoder does not know: "
            "'k0' (1), 'k1' (1), 'k2' (1), 'k3' (1), 'k4' (1) and 3 more.",
        ),
    ],
)
def test_what_the_encoder_does_not_know_is_counted(values: list[Any], known: Any, said: str | None) -> None:
    assert unknown_categories("c", values, known) == said
