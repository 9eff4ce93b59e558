"""A model that fails in the batcher: one request can't spoil another's, and each has its own error, wherever the call runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import pytest

from vitals.model.batcher import Batcher
from vitals.model.bisecting import most_calls
from vitals.model.call_pace import CallPace
from vitals.model.served import Outcome, ServedModel

from .batcher_doubles import Echo, Looking, ask_on_the_loop, ask_while_held_up, values_of


def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    outcomes, _ = ask_while_held_up(Echo(), [[1], [2, 3], [4, -1], [5], [6, 7]])
    assert values_of(outcomes) == [[1], [2, 3], ValueError, [5], [6, 7]]


def test_answers_that_are_too_few_are_an_error() -> None:
    class Short(Echo):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            return super().predict(rows)[:-1]

    outcomes, _ = ask_while_held_up(Short(), [[1, 2]])
    assert [type(outcome) for outcome in outcomes] == [ValueError]


@pytest.mark.parametrize("rows_on_loop", [0, 64])
def test_a_failing_batch_is_bisected_wherever_it_runs_and_around_surrounds_every_call(rows_on_loop: int) -> None:
    model, tickets = Looking(), []

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
    assert values_of(outcomes) == [[number] if number != 37 else ValueError for number in range(64)]
    assert len(model.calls) == len(tickets) <= 1 + 12 < most_calls(64)
    assert set(model.threads[1:]) == {"model"}, "what fails is asked again in the thread: it may be many calls"


def test_each_failing_request_has_its_own_error() -> None:
    class Naming(Looking):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            self.calls.append([row[0] for row in rows])
            raise ValueError(f"no {[row[0] for row in rows]}")

    outcomes = ask_on_the_loop(model := Naming(), [[number] for number in range(20)])
    assert [str(one) for one in outcomes] == [f"no [{number}]" for number in range(20)]
    assert len(model.calls) <= 1 + most_calls(20)


@pytest.mark.parametrize("rows_on_loop", [0, 64])
@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("answers", [-1, 1], ids=["too few", "too many"])
def test_a_wrong_number_of_answers_is_an_error_for_whoever_it_concerns(rows_on_loop: int, many: int, answers: int) -> None:
    class Miscounting(Looking):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            right = super().predict([[abs(row[0])] for row in rows])
            return right if all(row[0] >= 0 for row in rows) else [*right, right[0]][: len(rows) + answers]

    outcomes = ask_on_the_loop(Miscounting(), [[-1.0], *([number] for number in range(1, many))], rows_on_loop=rows_on_loop)
    assert values_of(outcomes) == [ValueError, *([number] for number in range(1, many))]


@pytest.mark.parametrize("rows_on_loop", [0, 64])
@pytest.mark.parametrize("raised", [StopIteration, SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_whatever_a_model_raises_is_an_error_of_its_request_alone(rows_on_loop: int, raised: type[BaseException]) -> None:
    class Raising(Looking):
        def predict(self, rows: Sequence[Sequence[float]]) -> list[Outcome]:
            if any(row[0] < 0 for row in rows):
                raise raised
            return super().predict(rows)

    outcomes = ask_on_the_loop(Raising(), [[1], [-1], [2]], rows_on_loop=rows_on_loop)
    assert values_of(outcomes) == [[1], RuntimeError, [2]]
    assert str(outcomes[1]) == f"the model raised {raised.__name__}"
