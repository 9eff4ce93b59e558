"""Where the batcher calls the model: short calls on the event loop, with other work in between; long ones in the thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, cast

from vitals.model.batcher import Batcher
from vitals.model.call_pace import CallPace
from vitals.model.served import Outcome, ServedModel

from .batcher_doubles import Looking, ask_on_the_loop, values_of


def test_a_short_call_runs_on_the_event_loop_for_all_that_came_in_one_turn() -> None:
    outcomes = ask_on_the_loop(model := Looking(), [[1], [2, 3], [4], [5]])
    assert values_of(outcomes) == [[1], [2, 3], [4], [5]]
    assert model.calls == [[1, 2, 3, 4, 5]]
    assert model.threads == ["MainThread"]


def test_a_lone_request_is_asked_without_a_thread_and_without_waiting() -> None:
    model = Looking()

    async def run() -> tuple[list[Any], int]:
        batcher: Batcher[None] = Batcher(
            cast(ServedModel, model), around=lambda _: nullcontext(), max_size=64, queue_size=1, pace=CallPace(64)
        )
        before, turns = threading.active_count(), 0
        asked = asyncio.ensure_future(batcher.predict([[7]], None))
        while not asked.done():
            await asyncio.sleep(0)
            turns += 1
        assert threading.active_count() == before
        await batcher.close()
        return asked.result(), turns

    outcomes, turns = asyncio.run(run())
    assert values_of([outcomes]) == [[7]]
    assert turns <= 4, "the request, the call, the answer, and this loop's own turn"


def test_on_the_event_loop_batches_have_their_size_and_other_work_comes_in_between() -> None:
    model, turns = Looking(), []

    async def run() -> None:
        batcher: Batcher[None] = Batcher(
            cast(ServedModel, model), around=lambda _: nullcontext(), max_size=2, queue_size=100, pace=CallPace(2)
        )
        asked = [asyncio.ensure_future(batcher.predict([[value]], None)) for value in range(6)]
        while not all(one.done() for one in asked):
            turns.append(len(model.calls))
            await asyncio.sleep(0)
        await batcher.close()

    asyncio.run(run())
    assert model.calls == [[0, 1], [2, 3], [4, 5]]
    assert {1, 2} <= set(turns), "each turn of the loop had one call"


def test_more_rows_than_are_expected_to_be_quick_go_to_the_thread_and_never_two_calls_at_once() -> None:
    outcomes = ask_on_the_loop(model := Looking(), [[1] * 9, [2], [3]], max_size=4, rows_on_loop=4)
    assert values_of(outcomes) == [[1] * 9, [2], [3]]
    assert model.threads[0] == "model"
    assert model.calls[0] == [1] * 9


def test_a_call_that_outlasts_20_ms_moves_the_next_ones_to_the_thread() -> None:
    class Slow(Looking):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            time.sleep(0.025)  # how long a call takes is what is tested
            return super().predict(rows)

    model = Slow()

    async def run() -> None:
        batcher: Batcher[None] = Batcher(
            cast(ServedModel, model), around=lambda _: nullcontext(), max_size=64, queue_size=9, pace=CallPace(64)
        )
        for value in range(3):
            await batcher.predict([[value]], None)
        await batcher.close()

    asyncio.run(run())
    assert model.threads == ["MainThread", "model", "model"]
