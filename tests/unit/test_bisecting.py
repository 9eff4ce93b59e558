"""Asking again after a failed call: each item gets its own answer or error, in a bounded number of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.model.bisecting import each_by_itself, most_calls


def _asked(items: int, fails: Callable[[Sequence[int]], bool]) -> tuple[list[int | str], int]:
    """What each of so many items got, an error as its text; and the number of calls after the first, which failed."""
    calls = 0

    def ask(some: Sequence[int]) -> list[int]:
        nonlocal calls
        calls += 1
        if fails(some):
            raise ValueError(f"{list(some)}")
        return [one * 10 for one in some]

    found = each_by_itself(ask, list(range(items)))
    return [str(one) if isinstance(one, Exception) else one for one in found], calls


@given(st.integers(2, 200).flatmap(lambda items: st.tuples(st.just(items), st.sets(st.integers(0, items - 1), min_size=1))))
def test_each_gets_its_own_answer_or_error_whichever_fail(case: tuple[int, set[int]]) -> None:
    items, bad = case
    found, calls = _asked(items, lambda some: bool(bad.intersection(some)))
    assert found == [f"[{one}]" if one in bad else one * 10 for one in range(items)]
    assert calls <= most_calls(items)


@pytest.mark.parametrize("bad", range(64))
def test_one_bad_item_in_64_costs_as_many_calls_as_halving_needs(bad: int) -> None:
    _, calls = _asked(64, lambda some: bad in some)
    assert calls <= 12  # 2 log2 64


def test_two_bad_items_in_64_cost_fewer_than_half_as_many_calls_as_items() -> None:
    pairs = [{first, second} for first in range(64) for second in range(first)]
    assert max(_asked(64, lambda some, pair=pair: not pair.isdisjoint(some))[1] for pair in pairs) < 32  # type: ignore[misc]


@pytest.mark.parametrize("items", [2, 3, 7, 64, 100])
def test_where_all_fail_each_has_its_own_error_and_the_bound_holds(items: int) -> None:
    found, calls = _asked(items, lambda _: True)
    assert found == [f"[{one}]" for one in range(items)]
    assert items <= calls <= most_calls(items)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_items_that_only_fail_together_are_all_answered(most: int) -> None:
    """As with a model that takes so many rows at most."""
    found, calls = _asked(16, lambda some: len(some) > most)
    assert found == [one * 10 for one in range(16)]
    assert calls <= most_calls(16)


def test_the_bound_in_figures() -> None:
    assert [most_calls(items) for items in (1, 2, 3, 64, 65, 100)] == [1, 4, 7, 76, 79, 114]
