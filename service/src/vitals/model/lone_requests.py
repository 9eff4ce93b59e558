"""Whether requests come one by one: such a request needs not wait for others that come in the same turn of the event loop."""

from __future__ import annotations

import asyncio

IN_A_ROW = 16
"""Turns with one request each, before one is answered at once: a client that asks again and again, and no crowd."""


class LoneRequests:
    """Learns from the turns of the batcher how requests come. Used on the event loop's thread only.

    One that is answered at once costs the way through a queue and a turn of the event loop less, and shares its call of the model
    with nobody. Two in one turn end that, until they have come one by one again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._in_a_row = 0
        self._answered_in_this_turn = False

    def turn(self, requests: int) -> None:
        """Take account of a turn that served so many."""
        self._in_a_row = self._in_a_row + 1 if requests == 1 else 0

    def at_once(self) -> bool:
        """Whether a request that comes now is answered at once."""
        if self._in_a_row < IN_A_ROW:
            return False
        if self._answered_in_this_turn:
            self._in_a_row = 0
            return False
        self._answered_in_this_turn = True
        self._loop.call_soon(self._turn_is_over)
        return True

    def _turn_is_over(self) -> None:
        self._answered_in_this_turn = False
