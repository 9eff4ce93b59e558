"""The buffer by itself: which parcels go when there is no room, and what comes once it closes."""

from __future__ import annotations

from vitals.telemetry.delivery.buffer import Buffer, Parcel


class Dropped:
    """Remembers what a buffer dropped."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []

    def __call__(self, items: int, reason: str) -> None:
        self.said.append((items, reason))


def parcel(name: str, items: int = 1) -> Parcel:
    return Parcel(name.encode() * 10, items)


def test_the_oldest_goes_but_not_the_one_being_sent() -> None:
    dropped = Dropped()
    buffer = Buffer(30, dropped=dropped)
    for name, items in (("a", 1), ("b", 2), ("c", 4)):
        buffer.put(parcel(name, items))
    assert buffer.first() == parcel("a", 1)
    buffer.put(parcel("d", 8))
    assert dropped.said == [(2, "queue_full")]
    assert buffer.items == 1 + 4 + 8
    with buffer.done() as counts:
        assert counts
    assert buffer.first() == parcel("c", 4)


def test_what_does_not_fit_beside_the_one_being_sent_is_counted_and_costs_nothing_else() -> None:
    dropped = Dropped()
    buffer = Buffer(30, dropped=dropped)
    buffer.put(parcel("a", 1))
    buffer.put(parcel("b", 2))
    assert buffer.first() == parcel("a", 1)
    buffer.put(Parcel(b"z" * 25, 4))
    assert dropped.said == [(4, "queue_full")]
    assert buffer.items == 1 + 2


def test_what_was_abandoned_is_not_counted_again() -> None:
    buffer = Buffer(30, dropped=Dropped())
    buffer.put(parcel("a", 1))
    assert buffer.first() == parcel("a", 1)
    buffer.close()
    assert buffer.abandon() == 1
    with buffer.done() as counts:
        assert not counts
    assert (buffer.items, buffer.first()) == (0, None)


def test_what_comes_once_it_closes_is_counted_and_costs_nothing_else() -> None:
    dropped = Dropped()
    buffer = Buffer(20, dropped=dropped)
    buffer.put(parcel("a", 1))
    buffer.put(parcel("b", 2))
    buffer.close()
    buffer.put(parcel("c", 4))
    assert dropped.said == [(4, "shutdown")]
    assert buffer.items == 3
    assert buffer.first() == parcel("a", 1)


def test_what_could_never_fit_is_counted_and_costs_nothing_else() -> None:
    dropped = Dropped()
    buffer = Buffer(20, dropped=dropped)
    buffer.put(parcel("a", 1))
    buffer.put(Parcel(b"z" * 21, 2))
    assert dropped.said == [(2, "queue_full")]
    assert buffer.items == 1
