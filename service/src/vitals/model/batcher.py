"""Micro-batching without waiting: one call of the model takes every row that queued while the last call ran.

A lone request is served at once; under load the batches grow by themselves: one call for 100 rows costs about what
one row costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from vitals.errors import Overloaded
from vitals.model.served import Outcome, ServedModel

Ticket = TypeVar("Ticket")

Span = Callable[[Sequence[Ticket]], AbstractContextManager[None]]
"""What surrounds one call of the model: given the tickets of the requests that it serves."""


@dataclass(slots=True)
class _Waiting(Generic[Ticket]):
    row: Sequence[float]
    ticket: Ticket
    answer: asyncio.Future[Outcome]


class Batcher(Generic[Ticket]):
    """Serves rows of concurrent requests in batches, in a thread of its own so that the event loop stays free."""

    def __init__(self, model: ServedModel, *, around: Span[Ticket], max_size: int, queue_size: int) -> None:
        self._model = model
        self._around = around
        self._max_size = max_size
        self._queue: asyncio.Queue[_Waiting[Ticket]] = asyncio.Queue(queue_size)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._loop = asyncio.create_task(self._serve(), name="batcher")

    async def predict(self, row: Sequence[float], ticket: Ticket) -> Outcome:
        """The model's answer for `row` (in the order of the model's features).

        Raises Overloaded where the queue is full, and what the model raised where it failed on this row.
        """
        waiting = _Waiting(row, ticket, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Overloaded(
                f"{self._queue.maxsize} requests are waiting for the model already; try again in a second."
            ) from None
        return await waiting.answer

    async def close(self) -> None:
        """End the thread. Requests that still wait are cancelled; a server drains them before."""
        self._loop.cancel()
        with suppress(asyncio.CancelledError):
            await self._loop
        while not self._queue.empty():
            self._queue.get_nowait().answer.cancel()
        self._thread.shutdown()

    async def _serve(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._max_size and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            # A client that went away has cancelled its future.
            batch = [waiting for waiting in batch if not waiting.answer.done()]
            try:
                await self._answer(batch)
            except asyncio.CancelledError:
                for waiting in batch:
                    waiting.answer.cancel()
                raise

    async def _answer(self, batch: Sequence[_Waiting[Ticket]]) -> None:
        if not batch:
            return
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, self._call, batch)
        except Exception as failed:
            if len(batch) == 1:
                _give(batch[0].answer, failed)
                return
            # One row that the model can't take must not fail its neighbours: each is asked alone.
            for waiting in batch:
                await self._answer([waiting])
            return
        for waiting, outcome in zip(batch, outcomes, strict=True):
            _give(waiting.answer, outcome)

    def _call(self, batch: Sequence[_Waiting[Ticket]]) -> list[Outcome]:
        with self._around([waiting.ticket for waiting in batch]):
            return self._model.predict([waiting.row for waiting in batch])


def _give(answer: asyncio.Future[Outcome], result: Outcome | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
