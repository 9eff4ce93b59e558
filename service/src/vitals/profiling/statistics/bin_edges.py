"""Where the bins of numbers begin and end: between the reference's values, never on one of them.

The same value comes in several spellings: 0.1 and the 0.10000000149011612 of a 32-bit client, or sums that differ in the last
bit. A limit that is a value of the reference would tell them apart, and call that drift. So a limit lies midway between two
neighbouring values, and outermost a little beyond the smallest and the largest.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_BINS, ROWS_PER_BIN = 10, 20

HALF_BITS, SINGLE_BITS, NEARLY_ALL_BITS = 11, 24, 40
"""Binary digits of a number that count: of 16-bit and 32-bit floats, and of 64-bit ones less what sums leave in the last bits."""

_ENOUGH_DIFFERENT = 1000
"""So many different values that are left after rounding are as good as all of them: there are ten bins."""

_SINGLETONS = 0.02
"""Where so many of the rows have a value of their own, there are about as many others to come (Good 1953, with Turing)."""

_TINY = 1e-290
_HALF_STEP = 2.0**-24
"""Between 16-bit floats that are nearly 0."""

_UNIT = 1e-6
"""How far around a value still counts as the value, as a part of the distance to its neighbour; absolute where 0 is alone."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """Limits of bins.

    `edges`, rising: each bin goes from one to the next. With `discrete` every value of the reference has a bin, from one edge of
    a pair to the other, and between two pairs is none. `point_below`, `point_above`: the first, or last, bin is of one value
    only, with at least ROWS_PER_BIN rows.
    """

    edges: tuple[float, ...]
    discrete: bool
    point_below: bool
    point_above: bool


def cut(values: Numbers, rows: int, *, half: bool = False, may_be_discrete: bool = True) -> Cut:
    """Bins with about equally many of `values`, shape (n,), finite: as many as `rows` bear, at most ten.

    No bin is empty. A value that fills a bin by itself has one by itself: otherwise zeros and the rest, or two values, would
    share one, and no drift between them would be seen. With ten different values or fewer each has one, whatever the rows.
    half: the values are 16-bit floats.
    """
    groups = _Groups.of(values, half=half)
    few = len(groups.counts) <= MOST_BINS and int((groups.counts == 1).sum()) <= max(1.0, _SINGLETONS * len(values))
    if few and may_be_discrete:
        ends = [groups.around(index) for index in range(len(groups.counts))]
        return Cut(tuple(edge for pair in ends for edge in pair), True, True, True)
    starts = _starts(groups.counts, max(2, min(MOST_BINS, rows // ROWS_PER_BIN)))
    inner = (groups.between(index) for index in starts[1:])
    alone = [first + 1 == after and int(groups.counts[first]) >= ROWS_PER_BIN for first, after in _pairs(starts, groups)]
    last = len(groups.counts) - 1
    return Cut((groups.around(0)[0], *inner, groups.around(last)[1]), False, alone[0], alone[-1])


@dataclass(frozen=True)
class _Groups:
    """The different values in rising order, those that rounding can't tell apart as one: their lowest, highest, and count."""

    low: Numbers
    high: Numbers
    counts: NDArray[np.int64]
    bits: int
    whole: bool

    @classmethod
    def of(cls, values: Numbers, *, half: bool) -> _Groups:
        different, counts = np.unique(values, return_counts=True)
        bits = HALF_BITS if half else SINGLE_BITS
        if not half and _kept(different, SINGLE_BITS) < min(_kept(different, NEARLY_ALL_BITS), _ENOUGH_DIFFERENT):
            bits = NEARLY_ALL_BITS  # times in seconds, say, of which 32 bits hold minutes only
        rounded = _rounded(different, bits)
        first = np.flatnonzero(np.concatenate([[True], rounded[1:] != rounded[:-1]]))
        last = np.append(first[1:], len(different)) - 1
        whole = bool((different == np.floor(different)).all())
        return cls(different[first], different[last], np.add.reduceat(counts, first), bits, whole)

    def between(self, index: int) -> float:
        """A limit between a value and the one before it."""
        low, high = float(self.high[index - 1]), float(self.low[index])
        quarter = high / 4 - low / 4
        return _shortest(low + quarter, high - quarter)

    def around(self, index: int) -> tuple[float, float]:
        """Limits on both sides of a value, so near that only rounding gets there."""
        low, high = float(self.low[index]), float(self.high[index])
        neighbours = [low - float(self.high[index - 1])] if index else []
        neighbours += [float(self.low[index + 1]) - high] if index + 1 < len(self.low) else []
        gap = min(neighbours, default=math.inf)
        # Four times what rounding to so many digits can do.
        far = max(max(abs(low), abs(high)) * 2.0 ** (2 - self.bits), _UNIT * gap if neighbours else 0.0) or _UNIT
        far = max(far, 2 * _HALF_STEP) if self.bits == HALF_BITS else far
        far = min(far, gap / 4, 0.25 if self.whole else math.inf)
        below = min(_shortest(low - far, low - far / 2), math.nextafter(low, -math.inf))
        above = max(_shortest(high + far / 2, high + far), math.nextafter(high, math.inf))
        return max(below, -sys.float_info.max), min(above, sys.float_info.max)


def _kept(different: Numbers, bits: int) -> int:
    return len(np.unique(_rounded(different, bits)))


def _rounded(values: Numbers, bits: int) -> Numbers:
    """To so many binary digits, ties to even."""
    mantissa, exponent = np.frexp(np.where(np.abs(values) < _TINY, 0.0, values))
    with np.errstate(over="ignore"):
        found: Numbers = np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)
    return found


def _starts(counts: NDArray[np.int64], wanted: int) -> list[int]:
    """The value that each bin begins with, by its index, the first included: quantiles of the inverted distribution function."""
    if len(counts) <= wanted:
        return list(range(len(counts)))
    reached, rows = counts.cumsum(), int(counts.sum())
    quantiles = [int(np.searchsorted(reached, -(-part * rows // wanted))) for part in range(1, wanted)]
    heavy = np.flatnonzero(counts[:-1] * wanted >= rows)
    return sorted({0, *quantiles, *heavy.tolist(), *(heavy + 1).tolist()})


def _pairs(starts: Sequence[int], groups: _Groups) -> Iterable[tuple[int, int]]:
    return zip(starts, [*starts[1:], len(groups.counts)], strict=True)


def _shortest(low: float, high: float) -> float:
    """The number of fewest decimals from `low` to `high`."""
    middle = low / 2 + high / 2
    for digits in range(1, 18):
        if low <= (found := float(f"{middle:.{digits}g}")) <= high:
            return found
    return middle
