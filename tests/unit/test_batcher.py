"""The batcher: rows of one request stay together, one request can't spoil another's, and none waits for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import pytest

from vitals.errors import ModelTimeout, Overloaded
from vitals.model.batcher import Batcher
from vitals.model.bisecting import most_calls
from vitals.model.call_pace import CallPace
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


class _Looking(_Echo):
    """Also notes which thread a call came in, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []

    def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
        self.threads.append(threading.current_thread().name)
        return super().predict(rows)


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


def _on_the_loop(model: _Echo, requests: Sequence[Sequence[float]], *, max_size: int = 64, rows_on_loop: int = 64) -> list[Any]:
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


def test_a_short_call_runs_on_the_event_loop_for_all_that_came_in_one_turn() -> None:
    outcomes = _on_the_loop(model := _Looking(), [[1], [2, 3], [4], [5]])
    assert _values(outcomes) == [[1], [2, 3], [4], [5]]
    assert model.calls == [[1, 2, 3, 4, 5]]
    assert model.threads == ["MainThread"]


def test_a_lone_request_is_asked_without_a_thread_and_without_waiting() -> None:
    model = _Looking()

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
    assert _values([outcomes]) == [[7]]
    assert turns <= 4, "the request, the call, the answer, and this loop's own turn"


def test_on_the_event_loop_batches_have_their_size_and_other_work_comes_in_between() -> None:
    model, turns = _Looking(), []

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
    outcomes = _on_the_loop(model := _Looking(), [[1] * 9, [2], [3]], max_size=4, rows_on_loop=4)
    assert _values(outcomes) == [[1] * 9, [2], [3]]
    assert model.threads[0] == "model"
    assert model.calls[0] == [1] * 9


def test_a_call_that_outlasts_20_ms_moves_the_next_ones_to_the_thread() -> None:
    class Slow(_Looking):
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


@pytest.mark.parametrize("rows_on_loop", [0, 64])
def test_a_failing_batch_is_bisected_wherever_it_runs_and_around_surrounds_every_call(rows_on_loop: int) -> None:
    model, tickets = _Looking(), []

    def around(given: Sequence[int]) -> AbstractContextManager[None]:
        tickets.append(list(given))
        return nullcontext()

    async def run() -> list[Any]:
        batcher: Batcher[int] = Batcher(
            cast(ServedModel, model), around=around, max_size=64, queue_size=100, pace=CallPace(rows_on_loop)
        )
        asked = [batcher.predict([[-1.0 if number == 37 else number]], number) for number in range(64)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await batcher.close()
        return outcomes

    outcomes = asyncio.run(run())
    assert _values(outcomes) == [[number] if number != 37 else ValueError for number in range(64)]
    assert len(model.calls) == len(tickets) <= 1 + 12 < most_calls(64)
    assert set(model.threads[1:]) == {"model"}, "what fails is asked again in the thread: it may be many calls"


def test_each_failing_request_has_its_own_error() -> None:
    class Naming(_Looking):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            self.calls.append([row[0] for row in rows])
            raise ValueError(f"no {[row[0] for row in rows]}")

    outcomes = _on_the_loop(model := Naming(), [[number] for number in range(20)])
    assert [str(one) for one in outcomes] == [f"no [{number}]" for number in range(20)]
    assert len(model.calls) <= 1 + most_calls(20)


@pytest.mark.parametrize("rows_on_loop", [0, 64])
@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("answers", [-1, 1], ids=["too few", "too many"])
def test_a_wrong_number_of_answers_is_an_error_for_whoever_it_concerns(rows_on_loop: int, many: int, answers: int) -> None:
    class Miscounting(_Looking):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            right = super().predict([[abs(row[0])] for row in rows])
            return right if all(row[0] >= 0 for row in rows) else [*right, right[0]][: len(rows) + answers]

    outcomes = _on_the_loop(Miscounting(), [[-1.0], *([number] for number in range(1, many))], rows_on_loop=rows_on_loop)
    assert _values(outcomes) == [ValueError, *([number] for number in range(1, many))]


@pytest.mark.parametrize("rows_on_loop", [0, 64])
@pytest.mark.parametrize("raised", [StopIteration, SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_whatever_a_model_raises_is_an_error_of_its_request_alone(rows_on_loop: int, raised: type[BaseException]) -> None:
    class Raising(_Looking):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            if any(row[0] < 0 for row in rows):
                raise raised
            return super().predict(rows)

    outcomes = _on_the_loop(Raising(), [[1], [-1], [2]], rows_on_loop=rows_on_loop)
    assert _values(outcomes) == [[1], RuntimeError, [2]]
    assert str(outcomes[1]) == f"the model raised {raised.__name__}"


def _hanging(model: _Echo, queue_size: int = 9) -> Batcher[None]:
    return Batcher(
        cast(ServedModel, model), around=lambda _: nullcontext(), max_size=1, queue_size=queue_size, timeout_seconds=0.05
    )


def test_what_is_not_answered_in_time_is_told_so_and_whether_the_model_was_asked() -> None:
    model = _Echo()

    async def run() -> tuple[list[Any], bool, Any, Any]:
        batcher = _hanging(model)
        model.may_go_on.clear()
        waiting = [batcher.predict([[number]], None) for number in range(3)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        await _until(lambda: batcher.hangs_for() > 0)
        hangs = batcher.hangs_for() > 0.05
        turned_away = await asyncio.gather(batcher.predict([[3]], None), return_exceptions=True)
        model.may_go_on.set()
        await _until(lambda: batcher.hangs_for() == 0 and not batcher._in_thread)
        again = await batcher.predict([[4]], None)
        await batcher.close()
        return outcomes, hangs, turned_away[0], again

    outcomes, hangs, turned_away, again = asyncio.run(run())
    assert [(type(one), one.asked) for one in outcomes] == [(ModelTimeout, True), (ModelTimeout, False), (ModelTimeout, False)]
    assert str(outcomes[0]) == "The model has not answered within 0.05 s."
    assert hangs
    assert isinstance(turned_away, ModelTimeout)
    assert not turned_away.asked
    assert (turned_away.status, turned_away.retry_after_seconds) == (503, 5)
    assert _values([again]) == [[4]]
    assert model.calls == [[0], [4]], "what was given up is not asked"


def test_room_in_the_queue_comes_back_when_waiting_was_given_up() -> None:
    model = _Echo()

    async def run() -> list[Any]:
        batcher = _hanging(model, queue_size=2)
        model.may_go_on.clear()
        first = await asyncio.gather(*(batcher.predict([[number]], None) for number in range(4)), return_exceptions=True)
        model.may_go_on.set()
        await _until(lambda: not batcher._in_thread)
        second = await asyncio.gather(*(batcher.predict([[number]], None) for number in range(4, 6)), return_exceptions=True)
        await batcher.close()
        return [*first, *second]

    outcomes = asyncio.run(run())
    assert [type(one) for one in outcomes[:4]] == [ModelTimeout, ModelTimeout, Overloaded, Overloaded]
    assert _values(outcomes[4:]) == [[4], [5]]


def test_close_does_not_wait_for_a_call_that_hangs() -> None:
    model = _Echo()

    async def run() -> Any:
        batcher = _hanging(model)
        model.may_go_on.clear()
        asked = asyncio.ensure_future(batcher.predict([[1]], None))
        await _until(lambda: bool(batcher._in_thread))
        await batcher.close()
        return await asyncio.gather(asked, return_exceptions=True)

    [outcome] = asyncio.run(run())
    assert isinstance(outcome, asyncio.CancelledError)
    model.may_go_on.set()
