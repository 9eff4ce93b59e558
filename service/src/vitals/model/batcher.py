"""Micro-batching without waiting: one call of the model takes every row that queued while the last call ran.

A lone request is served at once; under load the batches grow by themselves: one call for 100 rows costs about what
one row costs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from vitals.errors import Overloaded
from vitals.model.served import Outcome, Row, ServedModel

Ticket = TypeVar("Ticket")

Span = Callable[[Sequence[Ticket]], AbstractContextManager[None]]
"""What surrounds one call of the model: given the tickets of the requests that it serves."""


@dataclass(slots=True)
class _Waiting(Generic[Ticket]):
    rows: Sequence[Row]
    ticket: Ticket
    answer: asyncio.Future[list[Outcome]]


class Batcher(Generic[Ticket]):
    """Serves rows of concurrent requests in batches, in a thread of its own so that the event loop stays free.

    A batch has at most `max_size` rows; the rows of one request stay together, so a request with more goes alone.
    At most `queue_size` rows wait; a request that has more by itself waits alone.
    """

    def __init__(self, model: ServedModel, *, around: Span[Ticket], max_size: int, queue_size: int) -> None:
        self._model = model
        self._around = around
        self._max_size = max_size
        self._queue_size = queue_size
        self._queue: deque[_Waiting[Ticket]] = deque()
        self._rows_waiting = 0
        self._came = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._loop = asyncio.create_task(self._serve(), name="batcher")

    async def predict(self, rows: Sequence[Row], ticket: Ticket) -> list[Outcome]:
        """The model's answers for `rows` (each in the order of the model's features), in the same order.

        Raises Overloaded where the queue is full, and what the model raised where it failed on these rows.
        """
        if self._queue and self._rows_waiting + len(rows) > self._queue_size:
            raise Overloaded(
                f"{self._rows_waiting} rows are waiting for the model already, and {self._queue_size} may; try again in a second."
            )
        waiting = _Waiting(rows, ticket, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._rows_waiting += len(rows)
        self._came.set()
        return await waiting.answer

    async def close(self) -> None:
        """End the thread. Requests that still wait are cancelled; a server drains them before."""
        self._loop.cancel()
        with suppress(asyncio.CancelledError):
            await self._loop
        while self._queue:
            self._next().answer.cancel()
        self._thread.shutdown()

    async def _serve(self) -> None:
        while True:
            while not self._queue:
                self._came.clear()
                await self._came.wait()
            batch = self._next_batch()
            try:
                await self._answer(batch)
            except asyncio.CancelledError:
                for waiting in batch:
                    waiting.answer.cancel()
                raise

    def _next_batch(self) -> list[_Waiting[Ticket]]:
        """The requests that have waited longest, as many as fit into one call; the first one always does."""
        batch: list[_Waiting[Ticket]] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].rows) <= self._max_size):
            waiting = self._next()
            # A client that went away has cancelled its future.
            if not waiting.answer.done():
                batch.append(waiting)
                size += len(waiting.rows)
        return batch

    def _next(self) -> _Waiting[Ticket]:
        waiting = self._queue.popleft()
        self._rows_waiting -= len(waiting.rows)
        return waiting

    async def _answer(self, batch: Sequence[_Waiting[Ticket]]) -> None:
        if not batch:
            return
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, self._call, batch)
        except Exception as failed:
            if len(batch) == 1:
                _give(batch[0].answer, failed)
                return
            # One request that the model can't take must not fail its neighbours: each is asked alone.
            for waiting in batch:
                await self._answer([waiting])
            return
        first = 0
        for waiting in batch:
            _give(waiting.answer, outcomes[first : first + len(waiting.rows)])
            first += len(waiting.rows)

    def _call(self, batch: Sequence[_Waiting[Ticket]]) -> list[Outcome]:
        with self._around([waiting.ticket for waiting in batch]):
            rows = [row for waiting in batch for row in waiting.rows]
            outcomes = self._model.predict(rows)
            if len(outcomes) != len(rows):
                raise ValueError(f"the model gave {len(outcomes)} answers for {len(rows)} rows")
            return outcomes


def _give(answer: asyncio.Future[list[Outcome]], result: list[Outcome] | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
