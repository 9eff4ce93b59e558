"""Micro-batching without waiting: one call of the model takes every row that is there.

A lone request is served at once; under load the batches grow by themselves: one call for 100 rows costs about what one row costs.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

from vitals.errors import ModelTimeout, Overloaded
from vitals.model.bisecting import each_by_itself
from vitals.model.call_pace import CallPace
from vitals.model.call_time import CallTime
from vitals.model.lone_requests import LoneRequests
from vitals.model.model_thread import ModelThread
from vitals.model.served import Outcome, Row, ServedModel

Ticket = TypeVar("Ticket")

Span = Callable[[Sequence[Ticket]], AbstractContextManager[None]]
"""What surrounds one call of the model, in whichever thread: given the tickets of the requests that it serves."""


@dataclass(slots=True)
class _Waiting(Generic[Ticket]):
    rows: Sequence[Row]
    ticket: Ticket
    answer: asyncio.Future[list[Outcome]]
    since: float


class Batcher(Generic[Ticket]):
    """Serves rows of concurrent requests in batches.

    A short call runs on the event loop, for all requests that came in the same turn of it, or at once where they come one by
    one. A long one runs in a thread, so that the event loop stays free; what comes meanwhile is the next batch. `pace` says
    which; without it every call runs in the thread. There is never more than one call at a time.

    A batch has at most `max_size` rows; the rows of one request stay together, so a request with more goes alone.
    At most `queue_size` rows wait; a request that has more by itself waits alone.
    A request waits `timeout_seconds` for its answer. While a call in the thread takes longer than that, nothing new is taken.
    """

    def __init__(
        self,
        model: ServedModel,
        *,
        around: Span[Ticket],
        max_size: int,
        queue_size: int,
        pace: CallPace | None = None,
        timeout_seconds: float = math.inf,
    ) -> None:
        self._model = model
        self._around = around
        self._max_size = max_size
        self._queue_size = queue_size
        self._pace = pace or CallPace(0)
        self._timeout = timeout_seconds
        self._queue: deque[_Waiting[Ticket]] = deque()
        self._rows_waiting = 0
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # a batch belongs to no request more than to another
        self._lone = LoneRequests(self._loop)
        self._turn_is_due = False
        self._thread = ModelThread()
        self._in_thread: list[_Waiting[Ticket]] = []
        self._call_since = math.inf
        self._timer: asyncio.TimerHandle | None = None

    async def predict(self, rows: Sequence[Row], ticket: Ticket) -> list[Outcome]:
        """The model's answers for `rows` (each in the order of the model's features), in the same order.

        Raises Overloaded where the queue is full, ModelTimeout where the answer did not come in time or an earlier call hangs,
        and what the model raised where it failed on these rows.
        """
        now = time.monotonic()
        if self._in_thread and (hangs := self.hangs_for(now)):
            raise ModelTimeout(f"The model has not answered for {hangs:.0f} s: it is asked again once it has.", asked=False)
        if self._queue and self._rows_waiting + len(rows) > self._queue_size:
            raise Overloaded(
                f"{self._rows_waiting} rows are waiting for the model already, and {self._queue_size} may; try again in a second."
            )
        idle = not self._queue and not self._turn_is_due and not self._in_thread
        if idle and self._pace.on_loop(len(rows)) and self._lone.at_once():
            return self._context.run(self._at_once, rows, ticket)
        waiting = _Waiting(rows, ticket, self._loop.create_future(), now)
        self._queue.append(waiting)
        self._rows_waiting += len(rows)
        if not self._turn_is_due and not self._in_thread:
            self._next_turn()
        return await waiting.answer

    def hangs_for(self, now: float | None = None) -> float:
        """Seconds since the call in the thread began, where that is longer ago than a request waits; else 0."""
        seconds = (time.monotonic() if now is None else now) - self._call_since
        return seconds if seconds > self._timeout else 0.0

    async def close(self) -> None:
        """Cancel the requests that still wait; a server drains them before. A call that is running is left to itself."""
        self._turn_is_due = True  # for ever
        if self._timer is not None:
            self._timer.cancel()
        for waiting in [*self._in_thread, *self._queue]:
            waiting.answer.cancel()
        self._queue.clear()
        self._rows_waiting = 0
        self._thread.end()

    def _at_once(self, rows: Sequence[Row], ticket: Ticket) -> list[Outcome]:
        call = CallTime()
        answers = self._call(rows, [ticket])
        self._pace.took(len(rows), call.own_seconds())
        return answers

    def _next_turn(self) -> None:
        self._turn_is_due = True
        self._loop.call_soon(self._turn, context=self._context)

    def _turn(self) -> None:
        """One call for what has queued: on the event loop here and now, or in the thread, whose end brings the next turn."""
        batch = self._next_batch()
        if not batch:
            self._turn_is_due = False
            return
        self._lone.turn(len(batch))
        rows = sum([len(waiting.rows) for waiting in batch])
        if self._pace.on_loop(rows):
            call = CallTime()
            try:
                answers = self._ask(batch)
            except Exception as failed:
                if len(batch) == 1:
                    _give(batch[0], failed)
                else:
                    self._hand_over(batch, rows, failed_before=True)
                    return
            else:
                for waiting, answer in zip(batch, answers, strict=True):
                    _give(waiting, answer)
            self._pace.took(rows, call.own_seconds())
            if self._queue:
                self._next_turn()  # other work of the event loop comes in between
            else:
                self._turn_is_due = False
            return
        self._hand_over(batch, rows)

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

    def _ask(self, batch: Sequence[_Waiting[Ticket]]) -> list[list[Outcome]]:
        """The model's answers for each request of `batch`, by one call."""
        if len(batch) == 1:
            return [self._call(batch[0].rows, [batch[0].ticket])]
        outcomes = self._call([row for waiting in batch for row in waiting.rows], [waiting.ticket for waiting in batch])
        answers, first = [], 0
        for waiting in batch:
            answers.append(outcomes[first : first + len(waiting.rows)])
            first += len(waiting.rows)
        return answers

    def _call(self, rows: Sequence[Row], tickets: Sequence[Ticket]) -> list[Outcome]:
        """One call of the model, for the requests with these tickets."""
        with self._around(tickets):
            try:
                outcomes = self._model.predict(rows)
            except BaseException as strange:
                if isinstance(strange, Exception) and not isinstance(strange, StopIteration):
                    raise
                # What steers generators, tasks or the process is, coming from a model, an error like any other.
                raise RuntimeError(f"the model raised {type(strange).__name__}") from strange
            if len(outcomes) != len(rows):
                raise ValueError(f"the model gave {len(outcomes)} answers for {len(rows)} rows")
        return outcomes

    def _hand_over(self, batch: list[_Waiting[Ticket]], rows: int, *, failed_before: bool = False) -> None:
        """Ask in the thread. Where a call for several requests fails, or has `failed_before`, each is answered by itself."""
        self._turn_is_due = False
        self._in_thread = batch
        if self._timer is None and self._timeout < math.inf:
            self._timer = self._loop.call_later(max(0.0, batch[0].since + self._timeout - time.monotonic()), self._give_up)
        took = 0.0

        def ask(some: Sequence[_Waiting[Ticket]]) -> list[list[Outcome]]:
            nonlocal took
            self._call_since = time.monotonic()
            call = CallTime()
            try:
                return self._ask(some)
            finally:
                took = max(took, call.own_seconds())
                self._call_since = math.inf

        def job() -> Callable[[], None]:
            answers: Sequence[list[Outcome] | Exception]
            try:
                answers = each_by_itself(ask, batch) if failed_before else ask(batch)
            except Exception as failed:
                answers = [failed] if len(batch) == 1 else each_by_itself(ask, batch)

            def done() -> None:
                for waiting, answer in zip(batch, answers, strict=True):
                    _give(waiting, answer)
                self._in_thread = []
                self._pace.took(rows, took)
                if self._queue and not self._turn_is_due:
                    self._turn_is_due = True
                    self._turn()

            return done

        self._thread.do(job)

    def _give_up(self) -> None:
        """Answer every request that has waited for as long as it may."""
        self._timer = None
        now = time.monotonic()
        late = f"The model has not answered within {self._timeout:g} s."
        for waiting in self._in_thread:
            if now >= waiting.since + self._timeout:
                _give(waiting, ModelTimeout(late, asked=True))
        while self._queue and now >= self._queue[0].since + self._timeout:
            _give(self._next(), ModelTimeout(late, asked=False))
        left = [waiting for waiting in self._in_thread if not waiting.answer.done()] or list(self._queue)[:1]
        if self._in_thread and left:
            self._timer = self._loop.call_later(max(0.001, left[0].since + self._timeout - now), self._give_up)


def _give(waiting: _Waiting[Ticket], answer: list[Outcome] | Exception) -> None:
    if waiting.answer.done():
        return  # its client went away, or it waited for too long
    if isinstance(answer, Exception):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)
