"""Asking again after a call failed: each item gets its own answer or its own error, in few calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def most_calls(items: int) -> int:
    """How many calls `each_by_itself` makes at most for n items: n + 2 log2 n. The call that failed before it is not counted."""
    return items + 2 * (items - 1).bit_length()


def each_by_itself(ask: Callable[[Sequence[Item]], Sequence[Answer]], items: Sequence[Item]) -> list[Answer | Exception]:
    """The answer to each of `items`, which `ask` has just failed on together; where it fails on one alone, its exception.

    `ask` gives as many answers as it gets items, in their order, or raises. The items are halved until those that fail are alone:
    one bad item in n costs about 2 log2 n calls. Where many fail, the rest is asked one by one, so there are never more calls
    than `most_calls` says.
    """
    asking = _Asking(ask, items)
    asking.settle(0, len(items), known_to_fail=True)
    return asking.found


class _Asking(Generic[Item, Answer]):
    def __init__(self, ask: Callable[[Sequence[Item]], Sequence[Answer]], items: Sequence[Item]) -> None:
        self._ask = ask
        self._items = items
        self.found: list[Answer | Exception] = [Unasked()] * len(items)
        self._open = len(items)
        self._calls = 0
        self._limit = most_calls(len(items))

    def settle(self, start: int, stop: int, *, known_to_fail: bool = False) -> bool:
        """Settle a part of the items. Gives whether all of them were answered."""
        # A call for several that fails settles nothing: there has to be room for it beside a call for each that is still open.
        if stop - start > 1 and self._calls + self._open < self._limit:
            if not known_to_fail and self._answered(start, stop):
                return True
            middle = (start + stop) // 2
            left = self.settle(start, middle)
            # What fails together and not in its left half fails in its right half: that need not be asked.
            right = self.settle(middle, stop, known_to_fail=left)
            return left and right
        answered = [self._answered(one, one + 1) for one in range(start, stop)]
        return all(answered)

    def _answered(self, start: int, stop: int) -> bool:
        self._calls += 1
        try:
            self.found[start:stop] = self._ask(self._items[start:stop])
        except Exception as failed:
            if stop - start > 1:
                return False
            self.found[start] = failed
            self._open -= 1
            return False
        self._open -= stop - start
        return True


class Unasked(Exception):
    """Stands where no answer is yet; none is left in what is given."""
