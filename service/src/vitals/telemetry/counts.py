"""Counting that costs an addition: plain integers on the hot path, exported by an observable instrument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation


class Counts:
    """A counter with a fixed set of series, all present at 0 from the start.

    `add` is an integer addition on the event loop and allocates nothing; the SDK reads the integers at each collection.
    The set is fixed so that no user's input can ever become a label value.
    """

    def __init__(self, meter: Meter, name: str, *, unit: str, description: str, series: Mapping[str, Mapping[str, str]]) -> None:
        """`series` gives, for each key that `add` may be called with, the attributes it is exported with."""
        self._values = dict.fromkeys(series, 0)
        self._attributes = {key: dict(attributes) for key, attributes in series.items()}
        meter.create_observable_counter(name, [self._observe], unit=unit, description=description)

    def add(self, key: str, amount: int = 1) -> None:
        """Count `amount` more of `key`. Raises KeyError for a key that is not one of the series."""
        self._values[key] += amount

    def __getitem__(self, key: str) -> int:
        """How many of `key` were counted in this process."""
        return self._values[key]

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, self._attributes[key]) for key, value in self._values.items()]
