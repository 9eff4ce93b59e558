"""Tables as people have them: columns of every type, with gaps, and a target that hangs on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

LABELS: dict[str, Callable[[int], Any]] = {
    "text": lambda number: f"class {number:02d}",
    "integers": lambda number: number,
    "negative": lambda number: 2 * number - 1,
    "booleans": bool,
    "padded": lambda number: f"{number + 1:02d}",
    "floats": float,
    "true or false": lambda number: str(bool(number)),
}
"""What classes are called, from 0."""

BIG_IDS = (9007199254740992, 9007199254740993, 9007199254740995, 9007199254740997)
"""Two neighbours are one float64."""


def numbers(rows: int = 120, *, gaps: float = 0.0, columns: str = "abcd", dtype: str = "float64") -> pd.DataFrame:
    """Normally distributed columns."""
    random = np.random.default_rng(1)
    table = pd.DataFrame(random.normal(size=(rows, len(columns))).round(2), columns=list(columns))
    return _with_gaps(table, list(columns), gaps).astype(dtype)


def eighths(rows: int = 120, *, gaps: float = 0.0) -> pd.DataFrame:
    """Numbers that float32 holds exactly, and sums of them too."""
    table = numbers(rows)
    return _with_gaps((table * 8).round() / 8, list(table), gaps)


def positive(rows: int = 120) -> pd.DataFrame:
    """Counts and amounts above 0."""
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "visits": random.poisson(4, rows),
            "items": random.poisson(2, rows),
            "amount": np.exp(random.normal(3, 1, rows)).round(2),
        }
    )


def counts(rows: int = 120, *, most: int = 9) -> pd.DataFrame:
    """Whole numbers from 0 to `most`."""
    random = np.random.default_rng(3)
    return pd.DataFrame({name: random.integers(0, most + 1, rows) for name in ("first", "second", "third", "fourth")})


def mixed(rows: int = 120, *, gaps: float = 0.0, everywhere: bool = False) -> pd.DataFrame:
    """A number, a text, whole numbers that are categories, true and false; gaps in the first two, or in all columns."""
    random = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "age": random.normal(50, 10, rows).round(1),
            "city": random.choice(["Bern", "Oslo", "Rome", "São Paulo"], rows),
            "code": random.integers(1, 5, rows),
            "member": random.random(rows) < 0.4,
        }
    )
    return _with_gaps(table, list(table) if everywhere else ["age", "city"], gaps)


def coded(rows: int = 120, *, gaps: float = 0.0) -> pd.DataFrame:
    """A whole number that is a category, and a number."""
    random = np.random.default_rng(5)
    table = pd.DataFrame({"code": random.integers(1, 5, rows), "b": random.normal(size=rows).round(2)})
    return _with_gaps(table, ["code"], gaps)


def ids(rows: int = 120) -> pd.DataFrame:
    """Ids above 2^53 and a number."""
    random = np.random.default_rng(6)
    return pd.DataFrame({"id": random.choice(BIG_IDS, rows), "b": random.normal(size=rows).round(2)})


def looks_like_numbers(rows: int = 120, *, gaps: float = 0.0, words: bool = False) -> pd.DataFrame:
    """Text that a reader takes for numbers, or for true and false; with `words` a column beside that is half a number."""
    random = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "zip": random.choice(["02139", "10001", "00501", "94105"], rows),
            "smoker": random.choice(["True", "False"], rows),
            "grade": random.choice(["1", "2", "3"], rows),
        }
    )
    if words:
        table["children"] = random.choice(["0", "1", "2", "3+"], rows)
    return _with_gaps(table, ["zip", "grade"], gaps)


def nullable(rows: int = 120) -> pd.DataFrame:
    """pandas' own types with gaps, as Parquet keeps them."""
    random = np.random.default_rng(8)
    here = random.random((rows, 3)) > 0.1
    return pd.DataFrame(
        {
            "count": pd.array(np.where(here[:, 0], random.integers(0, 6, rows), None), dtype="Int64"),
            "member": pd.array(np.where(here[:, 1], random.random(rows) < 0.5, None), dtype="boolean"),
            "city": pd.array(np.where(here[:, 2], random.choice(["Bern", "Oslo"], rows), None), dtype="string"),
            "height": pd.array(random.normal(170, 10, rows).round(1), dtype="Float64"),
        }
    )


def with_target(table: pd.DataFrame, classes: int, labels: str) -> pd.DataFrame:
    """`table` with the column `y`: `classes` equally frequent classes of a sum over all columns, with noise."""
    ranks = pd.Series(score(table)).rank(method="first").to_numpy() - 1
    named = [LABELS[labels](int(rank * classes // len(table))) for rank in ranks]
    return table.assign(y=named)


def with_value(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with the column `y`: a number above 0 that hangs on all columns."""
    return table.assign(y=np.round(np.exp(1 + 0.4 * score(table)), 3))


def score(table: pd.DataFrame) -> Any:
    """A sum over all columns, standardised, with noise; a gap counts as the mean."""
    noise = np.random.default_rng(9)
    total = noise.normal(0, 0.3, len(table))
    for place, name in enumerate(table):
        values = table[name]
        text = not pd.api.types.is_numeric_dtype(values)
        found = (pd.factorize(values, sort=True)[0] if text else values.astype("float64")) * 1.0
        standard = (found - np.nanmean(found)) / (np.nanstd(found) or 1)
        total += np.nan_to_num(np.asarray(standard, dtype=float)) * (-0.7) ** place
    return total


def _with_gaps(table: pd.DataFrame, columns: list[str], share: float) -> pd.DataFrame:
    if not share:
        return table
    random = np.random.default_rng(10)
    hole = pd.DataFrame(random.random((len(table), len(columns))) < share, columns=columns, index=table.index)
    return table.assign(**{name: table[name].astype(object).mask(hole[name]) for name in columns}).infer_objects()
