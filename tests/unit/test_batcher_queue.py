"""What waits for the batcher: so many rows and no more, none for ever, and none that was given up."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any, cast

import pytest

from vitals.errors import Overloaded
from vitals.model.batcher import Batcher
from vitals.model.served import ServedModel

from .batcher_doubles import Echo, ask_while_held_up, values_of


def test_a_full_queue_is_answered_at_once_and_counts_rows() -> None:
    outcomes, _ = ask_while_held_up(Echo(), [[1, 1, 1]] * 6, max_size=3, queue_size=7)
    assert values_of(outcomes) == [[1, 1, 1], [1, 1, 1], Overloaded, Overloaded, Overloaded, Overloaded]
    assert str(outcomes[-1]) == "6 rows are waiting for the model already, and 7 may; try again in a second."


def test_a_request_larger_than_the_queue_is_taken_where_nothing_waits() -> None:
    outcomes, _ = ask_while_held_up(Echo(), [[1] * 5, [2], [3] * 2], queue_size=2)
    assert values_of(outcomes) == [[1] * 5, Overloaded, Overloaded]


def test_room_comes_back_with_every_call() -> None:
    model = Echo()

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
    model = Echo()

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


@pytest.mark.parametrize("many", [1, 500])
def test_close_ends_what_waits(many: int) -> None:
    model = Echo()

    async def run() -> list[Any]:
        batcher: Batcher[None] = Batcher(cast(ServedModel, model), around=lambda _: nullcontext(), max_size=1, queue_size=many)
        model.may_go_on.clear()
        asked = [asyncio.ensure_future(batcher.predict([[1]], None)) for _ in range(many)]
        await asyncio.sleep(0)
        model.may_go_on.set()
        await batcher.close()
        return await asyncio.gather(*asked, return_exceptions=True)

    assert all(isinstance(one, list | asyncio.CancelledError) for one in asyncio.run(run()))
