"""The batcher: rows of one request stay together, and one request can't spoil another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import pytest

from vitals.errors import Overloaded
from vitals.model.batcher import Batcher
from vitals.model.served import Outcome, ServedModel


class _Echo:
    """A model that answers each row with its first value, and can't take a negative one."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
        assert self.may_go_on.wait(30)
        self.calls.append([row[0] for row in rows])
        if any(row[0] < 0 for row in rows):
            raise ValueError("negative")
        return [Outcome(row[0]) for row in rows]


def _asked(
    model: _Echo, requests: Sequence[Sequence[float]], *, max_size: int = 64, queue_size: int = 100
) -> tuple[list[Any], list[Any]]:
    """Each request's values, asked at once while the model is held up; gives the answers and the tickets of each call."""
    tickets: list[Any] = []

    def around(given: Sequence[int]) -> AbstractContextManager[None]:
        tickets.append(list(given))
        return nullcontext()

    async def run() -> list[Any]:
        batcher: Batcher[int] = Batcher(cast(ServedModel, model), around=around, max_size=max_size, queue_size=queue_size)
        model.may_go_on.clear()
        asked = [
            asyncio.ensure_future(batcher.predict([[value] for value in values], number))
            for number, values in enumerate(requests)
        ]
        await _until(lambda: len(tickets) == 1)
        model.may_go_on.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await batcher.close()
        return outcomes

    return asyncio.run(run()), tickets


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():
            await asyncio.sleep(0)


def _values(outcomes: list[Any]) -> list[Any]:
    return [[one.predicted for one in outcome] if isinstance(outcome, list) else type(outcome) for outcome in outcomes]


def test_each_request_gets_its_own_rows_in_order() -> None:
    outcomes, tickets = _asked(model := _Echo(), [[1], [2, 3, 4], [5, 6], [7]])
    assert _values(outcomes) == [[1], [2, 3, 4], [5, 6], [7]]
    assert [ticket for call in tickets for ticket in call] == [0, 1, 2, 3]
    assert max(len(call) for call in model.calls) > 1, "the rows never shared a call"


def test_a_batch_is_as_large_as_rows_not_requests() -> None:
    model = _Echo()
    outcomes, _ = _asked(model, [[0], [1, 2], [3, 4], [5, 6, 7, 8, 9, 10], [11], [12, 13, 14]], max_size=4)
    assert _values(outcomes)[3] == [5, 6, 7, 8, 9, 10]
    assert all(len(call) <= 4 or call == [5, 6, 7, 8, 9, 10] for call in model.calls)


def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    outcomes, _ = _asked(_Echo(), [[1], [2, 3], [4, -1], [5], [6, 7]])
    assert _values(outcomes) == [[1], [2, 3], ValueError, [5], [6, 7]]


def test_a_full_queue_is_answered_at_once_and_counts_rows() -> None:
    outcomes, _ = _asked(_Echo(), [[1, 1, 1]] * 6, max_size=3, queue_size=7)
    assert _values(outcomes) == [[1, 1, 1], [1, 1, 1], Overloaded, Overloaded, Overloaded, Overloaded]
    assert str(outcomes[-1]) == "6 rows are waiting for the model already, and 7 may; try again in a second."


def test_a_request_larger_than_the_queue_is_taken_where_nothing_waits() -> None:
    outcomes, _ = _asked(_Echo(), [[1] * 5, [2], [3] * 2], queue_size=2)
    assert _values(outcomes) == [[1] * 5, Overloaded, Overloaded]


def test_room_comes_back_with_every_call() -> None:
    model = _Echo()

    async def run() -> list[Any]:
        batcher: Batcher[None] = Batcher(cast(ServedModel, model), around=lambda _: nullcontext(), max_size=2, queue_size=4)
        outcomes = []
        for _ in range(10):
            asked = [asyncio.ensure_future(batcher.predict([[1], [2]], None)) for _ in range(2)]
            await asyncio.sleep(0)
            asked[0].cancel()
            outcomes += await asyncio.gather(*asked, return_exceptions=True)
        await batcher.close()
        return outcomes

    outcomes = asyncio.run(run())
    assert [type(one) for one in outcomes] == [asyncio.CancelledError, list] * 10


def test_a_request_that_was_given_up_is_not_asked() -> None:
    model = _Echo()

    async def run() -> None:
        batcher: Batcher[None] = Batcher(cast(ServedModel, model), around=lambda _: nullcontext(), max_size=1, queue_size=9)
        model.may_go_on.clear()
        first = asyncio.ensure_future(batcher.predict([[1]], None))
        second = asyncio.ensure_future(batcher.predict([[2]], None))
        third = asyncio.ensure_future(batcher.predict([[3]], None))
        await asyncio.sleep(0)
        second.cancel()
        model.may_go_on.set()
        await asyncio.gather(first, third)
        await batcher.close()

    asyncio.run(run())
    assert model.calls == [[1], [3]]


def test_answers_that_are_too_few_are_an_error() -> None:
    class Short(_Echo):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            return super().predict(rows)[:-1]

    outcomes, _ = _asked(Short(), [[1, 2]])
    assert [type(outcome) for outcome in outcomes] == [ValueError]


@pytest.mark.parametrize("many", [1, 500])
def test_close_ends_what_waits(many: int) -> None:
    model = _Echo()

    async def run() -> list[Any]:
        batcher: Batcher[None] = Batcher(cast(ServedModel, model), around=lambda _: nullcontext(), max_size=1, queue_size=many)
        model.may_go_on.clear()
        asked = [asyncio.ensure_future(batcher.predict([[1]], None)) for _ in range(many)]
        await asyncio.sleep(0)
        model.may_go_on.set()
        await batcher.close()
        return await asyncio.gather(*asked, return_exceptions=True)

    assert all(isinstance(one, list | asyncio.CancelledError) for one in asyncio.run(run()))
