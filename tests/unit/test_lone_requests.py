"""A request that comes alone, again and again, is answered at once; two at a time are a batch."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from vitals.model.batcher import Batcher
from vitals.model.call_pace import CallPace
from vitals.model.lone_requests import IN_A_ROW
from vitals.model.served import Outcome, ServedModel

OF_REQUEST = contextvars.ContextVar("of request", default="nothing")


class _Model:
    def __init__(self) -> None:
        self.calls: list[int] = []
        self.seen: set[str] = set()

    def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
        self.calls.append(len(rows))
        self.seen.add(OF_REQUEST.get())
        if rows[0][0] < 0:
            raise ValueError("negative")
        return [Outcome(row[0]) for row in rows]


class _Asked:
    """A batcher whose model is quick."""

    def __init__(self, *, rows_on_loop: int = 64) -> None:
        self.model = _Model()
        self.tickets: list[list[Any]] = []
        self.batcher: Batcher[str] = Batcher(
            cast(ServedModel, self.model), around=self._around, max_size=64, queue_size=100, pace=CallPace(rows_on_loop)
        )

    @contextmanager
    def _around(self, tickets: Sequence[str]) -> Iterator[None]:
        self.tickets.append(list(tickets))
        yield

    async def alone(self, times: int, *rows: float) -> list[bool]:
        """Ask so many times, one after the other; whether each was answered without the event loop's turn in between."""
        found = []
        for _ in range(times):
            turned = []
            asyncio.get_running_loop().call_soon(turned.append, 1)
            answers = await self.batcher.predict([[value] for value in rows or (1.0,)], "alone")
            assert [one.predicted for one in answers] == list(rows or (1.0,))
            found.append(not turned)
            await asyncio.sleep(0)  # the next comes in another turn
        return found

    async def together(self, number: int) -> None:
        asked = [self.batcher.predict([[float(value)]], f"together {value}") for value in range(number)]
        answers = await asyncio.gather(*asked)
        assert [one.predicted for [one] in answers] == list(range(number))


def test_at_once_after_some_in_a_row() -> None:
    async def run() -> None:
        asked = _Asked()
        assert await asked.alone(IN_A_ROW + 5) == [False] * IN_A_ROW + [True] * 5
        assert asked.tickets == [["alone"]] * (IN_A_ROW + 5)

    asyncio.run(run())


def test_several_in_one_turn_are_a_batch_again_and_stay_one() -> None:
    async def run() -> None:
        asked = _Asked()
        await asked.alone(IN_A_ROW)
        asked.model.calls.clear()
        await asked.together(8)
        assert asked.model.calls == [1, 7], "the first could not know of the others"
        await asked.together(8)
        assert asked.model.calls == [1, 7, 8]
        assert await asked.alone(IN_A_ROW + 1) == [False] * IN_A_ROW + [True]

    asyncio.run(run())


def test_a_slow_or_large_call_is_never_at_once() -> None:
    async def run() -> None:
        in_thread = _Asked(rows_on_loop=0)
        assert not any(await in_thread.alone(IN_A_ROW + 3))
        large = _Asked(rows_on_loop=2)
        await large.alone(IN_A_ROW)
        assert await large.alone(1, 1.0, 2.0) == [True]
        assert await large.alone(1, 1.0, 2.0, 3.0) == [False]
        for one in (in_thread, large):
            await one.batcher.close()

    asyncio.run(run())


def test_an_error_is_the_requests_own_and_the_call_knows_no_request() -> None:
    async def run() -> None:
        asked = _Asked()
        OF_REQUEST.set("a request")
        await asked.alone(IN_A_ROW)
        with pytest.raises(ValueError, match="negative"):
            await asked.batcher.predict([[-1.0]], "wrong")
        assert await asked.alone(1) == [False], "the same turn as the one that failed"
        assert asked.model.seen == {"nothing"}

    asyncio.run(run())


def test_one_that_waits_comes_first() -> None:
    async def run() -> None:
        asked = _Asked()
        await asked.alone(IN_A_ROW)
        first, second = (asyncio.ensure_future(asked.batcher.predict([[value]], str(value))) for value in (1.0, 2.0))
        await asyncio.gather(first, second)
        assert asked.tickets[-2:] == [["1.0"], ["2.0"]]

    asyncio.run(run())
