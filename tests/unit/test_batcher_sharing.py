"""Requests share calls of the model: the rows of one stay together, and each request gets its own answers."""

from __future__ import annotations

from .batcher_doubles import Echo, ask_while_held_up, values_of


def test_each_request_gets_its_own_rows_in_order() -> None:
    outcomes, tickets = ask_while_held_up(model := Echo(), [[1], [2, 3, 4], [5, 6], [7]])
    assert values_of(outcomes) == [[1], [2, 3, 4], [5, 6], [7]]
    assert [ticket for call in tickets for ticket in call] == [0, 1, 2, 3]
    assert max(len(call) for call in model.calls) > 1, "the rows never shared a call"


def test_a_batch_is_as_large_as_rows_not_requests() -> None:
    model = Echo()
    outcomes, _ = ask_while_held_up(model, [[0], [1, 2], [3, 4], [5, 6, 7, 8, 9, 10], [11], [12, 13, 14]], max_size=4)
    assert values_of(outcomes)[3] == [5, 6, 7, 8, 9, 10]
    assert all(len(call) <= 4 or call == [5, 6, 7, 8, 9, 10] for call in model.calls)
