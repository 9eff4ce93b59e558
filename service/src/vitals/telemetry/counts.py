"""Counting that costs an addition: plain numbers on the hot path, exported by an observable instrument."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from opentelemetry.metrics import CallbackOptions, Meter, Observation

Key = TypeVar("Key", bound=Hashable)
Attributes = Mapping[str, str]


class Counts(Generic[Key]):
    """A counter with a known set of series, all present at 0 from the start.

    `add` is an addition on the event loop and allocates nothing but the sum; the SDK's thread reads the sums at each collection.
    Series are named by the code, so that no user's input can ever become a label value.
    """

    def __init__(
        self, meter: Meter, name: str, *, unit: str = "", description: str, series: Mapping[Key, Attributes], zero: float = 0
    ) -> None:
        """`series` gives, for each key that `add` may be called with, the attributes it is exported with.

        zero: what each begins at; 0.0 makes it a sum of floats for every store.
        """
        self._zero = zero
        self.sums: dict[Key, float] = {}
        """How many of each were counted in this process. Code that counts many at once adds to them here."""
        self._attributes: dict[Key, Attributes] = {}
        self.more(series)
        meter.create_observable_counter(name, [self._observe], unit=unit, description=description)

    def more(self, series: Mapping[Key, Attributes]) -> None:
        """Add series that were not known at the start; the caller bounds how many. A key that is there keeps its sum."""
        for key, attributes in series.items():
            # Attributes first: the thread that reads may come in between.
            self._attributes.setdefault(key, dict(attributes))
            self.sums.setdefault(key, self._zero)

    def add(self, key: Key, amount: float = 1) -> None:
        """Count `amount` more of `key`. Raises KeyError for a key that is not one of the series."""
        self.sums[key] += amount

    def __contains__(self, key: Key) -> bool:
        """Whether `key` is one of the series."""
        return key in self.sums

    def __getitem__(self, key: Key) -> float:
        """How many of `key` were counted in this process."""
        return self.sums[key]

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        # One copy, which no addition interrupts: a series may come while this is read.
        return [Observation(value, self._attributes[key]) for key, value in list(self.sums.items())]
