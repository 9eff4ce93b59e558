"""Which whole numbers a feature holds: the range of its integer type."""

from __future__ import annotations

import re

from vitals.bundle.schema import Feature

EXACT_BELOW = 2**53
"""A float of this size or more may stand for several whole numbers (IEEE 754 binary64 has 53 bits of precision)."""

_INTEGER = re.compile(r"(u?)int(8|16|32|64)", re.IGNORECASE)


def integer_type(feature: Feature) -> str:
    """`int8` to `uint64`, also for pandas' nullable types such as Int64; empty where the feature's type is none of integers."""
    return feature.dtype.lower() if _INTEGER.fullmatch(feature.dtype) else ""


def whole_range(feature: Feature) -> tuple[int, int] | None:
    """The smallest and the largest whole number that the numeric feature's type holds; None where it is a type of fractions.

    A feature that takes whole numbers only, and has no integer type, has the range of int64.
    """
    named = _INTEGER.fullmatch(integer_type(feature) or ("int64" if feature.whole else ""))
    if named is None:
        return None
    bits = int(named[2])
    return (0, 2**bits - 1) if named[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
