"""What waits to be sent: encoded requests in their order, bounded in bytes; the oldest go first when there is no room."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_MOMENT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Parcel:
    """One encoded OTLP request and how many items (spans, log records or data points) it holds."""

    data: bytes
    items: int


class Buffer:
    """A queue between the threads that export and the one that sends.

    The parcel that is being sent stays the first until `done`: nothing makes room at its cost.
    """

    def __init__(self, capacity_bytes: int, *, dropped: Callable[[int, str], None]) -> None:
        """dropped: called with the items that were lost here, and why: queue_full, or shutdown for what came too late."""
        self._capacity = capacity_bytes
        self._dropped = dropped
        self._parcels: deque[Parcel] = deque()
        self._bytes = 0
        self._items = 0
        self._sending = False
        self._closing = False
        self._changed = threading.Condition()

    @property
    def items(self) -> int:
        """How many items wait, the ones being sent among them."""
        return self._items

    def put(self, parcel: Parcel) -> None:
        """Add a parcel; never waits for the sender."""
        with self._changed:
            if self._closing:
                lost, reason = parcel.items, "shutdown"
            elif len(parcel.data) > self._capacity - (len(self._parcels[0].data) if self._sending else 0):
                lost, reason = parcel.items, "queue_full"
            else:
                lost, reason = self._make_room(len(parcel.data)), "queue_full"
                self._parcels.append(parcel)
                self._bytes += len(parcel.data)
                self._items += parcel.items
                self._changed.notify_all()
        if lost:
            self._dropped(lost, reason)

    def first(self) -> Parcel | None:
        """Wait for a parcel and give the first, which stays; None once the buffer is closing and empty."""
        with self._changed:
            while not self._parcels and not self._closing:
                self._changed.wait()
            self._sending = bool(self._parcels)
            return self._parcels[0] if self._parcels else None

    @contextmanager
    def done(self) -> Iterator[bool]:
        """The first parcel is dealt with: the block counts it if the buffer still has it. An abandoned one is counted already.

        Whoever waits until the buffer is empty waits for the block, too.
        """
        with self._changed:
            yield bool(self._parcels)
            if self._parcels:
                self._remove(0)
            self._sending = False
            self._changed.notify_all()

    def rest(self, seconds: float) -> None:
        """Wait that long, or until the buffer begins to close; while it closes for a moment only, since not much time is left."""
        with self._changed:
            if self._closing:
                self._changed.wait_for(lambda: not self._parcels, min(seconds, _MOMENT_SECONDS))
            else:
                self._changed.wait_for(lambda: self._closing, seconds)

    def wait_until_empty(self, seconds: float) -> bool:
        """Whether nothing waits any more, after that long at most."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._parcels, seconds)

    def close(self) -> None:
        """Take nothing more in."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    @property
    def closing(self) -> bool:
        """Whether it takes nothing more in."""
        return self._closing

    def abandon(self) -> int:
        """Forget what still waits; gives how many items that were."""
        with self._changed:
            left, self._items, self._bytes = self._items, 0, 0
            self._parcels.clear()
            self._sending = False
            self._changed.notify_all()
            return left

    def _make_room(self, needed: int) -> int:
        """Drop the oldest but the one being sent until there is room; gives how many items that were."""
        lost = 0
        while self._bytes + needed > self._capacity:
            lost += self._remove(1 if self._sending else 0).items
        return lost

    def _remove(self, index: int) -> Parcel:
        parcel = self._parcels[index]
        del self._parcels[index]
        self._bytes -= len(parcel.data)
        self._items -= parcel.items
        return parcel
