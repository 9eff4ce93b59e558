"""Models that say back what they were asked, and batchers that ask them for several requests at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from vitals.model.batcher import Batcher
from vitals.model.call_pace import CallPace
from vitals.model.served import Outcome, ServedModel


class Echo:
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


class Looking(Echo):
    """Also notes which thread a call came in, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []

    def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
        self.threads.append(threading.current_thread().name)
        return super().predict(rows)


def ask_while_held_up(
    model: Echo, requests: Sequence[Sequence[float]], *, max_size: int = 64, queue_size: int = 100
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
        await until(lambda: len(tickets) == 1)
        model.may_go_on.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await batcher.close()
        return outcomes

    return asyncio.run(run()), tickets


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():
            await asyncio.sleep(0)


def values_of(outcomes: list[Any]) -> list[Any]:
    return [[one.predicted for one in outcome] if isinstance(outcome, list) else type(outcome) for outcome in outcomes]


def ask_on_the_loop(model: Echo, requests: Sequence[Sequence[float]], *, max_size: int = 64, rows_on_loop: int = 64) -> list[Any]:
    """Each request's answer; all are asked in one turn of the event loop."""

    async def run() -> list[Any]:
        batcher: Batcher[int] = Batcher(
            cast(ServedModel, model),
            around=lambda _: nullcontext(),
            max_size=max_size,
            queue_size=1000,
            pace=CallPace(rows_on_loop),
        )
        asked = [batcher.predict([[value] for value in values], number) for number, values in enumerate(requests)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await batcher.close()
        return outcomes

    return asyncio.run(run())
