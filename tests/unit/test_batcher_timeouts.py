"""A model that hangs in the batcher: who waits is told in time, and neither the queue nor the end is held up."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any, cast

from vitals.errors import ModelTimeout, Overloaded
from vitals.model.batcher import Batcher
from vitals.model.served import ServedModel

from .batcher_doubles import Echo, until, values_of


def _hanging(model: Echo, queue_size: int = 9) -> Batcher[None]:
    return Batcher(
        cast(ServedModel, model), around=lambda _: nullcontext(), max_size=1, queue_size=queue_size, timeout_seconds=0.05
    )


def test_what_is_not_answered_in_time_is_told_so_and_whether_the_model_was_asked() -> None:
    model = Echo()

    async def run() -> tuple[list[Any], bool, Any, Any]:
        batcher = _hanging(model)
        model.may_go_on.clear()
        waiting = [batcher.predict([[number]], None) for number in range(3)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        await until(lambda: batcher.hangs_for() > 0)
        hangs = batcher.hangs_for() > 0.05
        turned_away = await asyncio.gather(batcher.predict([[3]], None), return_exceptions=True)
        model.may_go_on.set()
        await until(lambda: batcher.hangs_for() == 0 and not batcher._in_thread)
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
    assert values_of([again]) == [[4]]
    assert model.calls == [[0], [4]], "what was given up is not asked"


def test_room_in_the_queue_comes_back_when_waiting_was_given_up() -> None:
    model = Echo()

    async def run() -> list[Any]:
        batcher = _hanging(model, queue_size=2)
        model.may_go_on.clear()
        first = await asyncio.gather(*(batcher.predict([[number]], None) for number in range(4)), return_exceptions=True)
        model.may_go_on.set()
        await until(lambda: not batcher._in_thread)
        second = await asyncio.gather(*(batcher.predict([[number]], None) for number in range(4, 6)), return_exceptions=True)
        await batcher.close()
        return [*first, *second]

    outcomes = asyncio.run(run())
    assert [type(one) for one in outcomes[:4]] == [ModelTimeout, ModelTimeout, Overloaded, Overloaded]
    assert values_of(outcomes[4:]) == [[4], [5]]


def test_close_does_not_wait_for_a_call_that_hangs() -> None:
    model = Echo()

    async def run() -> Any:
        batcher = _hanging(model)
        model.may_go_on.clear()
        asked = asyncio.ensure_future(batcher.predict([[1]], None))
        await until(lambda: bool(batcher._in_thread))
        await batcher.close()
        return await asyncio.gather(asked, return_exceptions=True)

    [outcome] = asyncio.run(run())
    assert isinstance(outcome, asyncio.CancelledError)
    model.may_go_on.set()
