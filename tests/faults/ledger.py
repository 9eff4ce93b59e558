"""What became of a service's telemetry: emitted, stored and dropped, each store by itself and all together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .load import Answer

Item = Literal["span", "log"]
QUEUE_FULL = "backend_queue_full"
"""The reason of a drop that the Collector asked for: one backend's queue had no room. The others may have it all the same."""


@dataclass(frozen=True)
class Account:
    """One store. `emitted`: answered requests; `missing`: trace ids of those that it lacks; `duplicated`: what it has again.

    in_doubt: requests without an answer. A counter may have them, so it is exact anywhere between the answered and all.
    """

    place: str
    emitted: int
    stored: int
    duplicated: int
    missing: tuple[str, ...] = ()
    in_doubt: int = 0

    @property
    def lost(self) -> int:
        """How many it lacks; negative where it has more than can be."""
        return 0 if 0 <= self.stored - self.emitted <= self.in_doubt else self.emitted - self.stored


@dataclass(frozen=True)
class Totals:
    """All spans, or all log records, of the service, not those of answered requests alone: what drops are counted in."""

    item: Item
    emitted: int
    stored: dict[str, int]
    dropped: dict[str, int]

    @property
    def uncounted(self) -> int:
        """What the store that lacks most lacks beyond the counted drops: losses that nobody knows of."""
        return max(0, *(lack - self._refused for lack in self._lacking))

    @property
    def overcounted(self) -> int:
        """What was counted as dropped and is stored all the same."""
        return max(0, *(-lack for lack in self._lacking), self._refused - sum(self._lacking))

    @property
    def holds(self) -> bool:
        """Whether emitted = stored + dropped.

        What the service dropped itself, no store has. Of what it dropped because a backend's queue was full, at least one store
        lacks each item, and others may have it; where the signal has one store, as logs do, that is an equation.
        """
        return not self.uncounted and not self.overcounted

    def lacking(self, store: str) -> int:
        """What a store lacks beside what no store can have. 0 where its queue refused nothing, whatever others refused."""
        own = sum(self.dropped.values()) - self._refused
        return self.emitted - self.stored[store] - own

    @property
    def _refused(self) -> int:
        return self.dropped.get(QUEUE_FULL, 0)

    @property
    def _lacking(self) -> list[int]:
        return [self.lacking(store) for store in self.stored]


@dataclass(frozen=True)
class Balance:
    """What became of a service's telemetry."""

    accounts: tuple[Account, ...]
    totals: tuple[Totals, ...]

    @property
    def duplicated(self) -> int:
        """What some store has more than once."""
        return sum(account.duplicated for account in self.accounts)

    @property
    def lost(self) -> int:
        """The answered requests that a store lacks, summed over the stores."""
        return sum(abs(account.lost) for account in self.accounts)

    @property
    def dropped(self) -> dict[str, int]:
        """Counted drops as SIGNAL/REASON."""
        return {f"{one.item}/{reason}": count for one in self.totals for reason, count in one.dropped.items() if count}

    @property
    def dropped_in_words(self) -> str:
        """The same for people."""
        words = [f"{count:,} {one.item}s ({reason})" for one in self.totals for reason, count in one.dropped.items() if count]
        return ", ".join(words) or "nothing"

    @property
    def dropped_figures(self) -> dict[str, int]:
        """The same for a row."""
        return {f"dropped_{name}": count for name, count in self.dropped.items()}

    def missing_among(self, answers: Iterable[Answer]) -> dict[str, int]:
        """How many of these requests each store lacks."""
        ids = {str(one.trace_id) for one in answers}
        return {account.place: len(ids & set(account.missing)) for account in self.accounts}

    @property
    def complete(self) -> bool:
        """Whether every store has everything once, and nothing was dropped."""
        return not self.lost and not self.duplicated and not self.dropped and all(totals.holds for totals in self.totals)

    @property
    def holds(self) -> bool:
        """Whether emitted = stored + counted drops for spans and logs, nothing is there twice, and the counters are exact."""
        return self.exact and not self.duplicated and all(totals.holds for totals in self.totals)

    @property
    def exact(self) -> bool:
        """Whether the counters in Prometheus are at what was answered."""
        return all(not account.lost for account in self.accounts if account.place.startswith("prometheus"))

    def table(self) -> str:
        """A line each store, for people."""
        lines = [f"{'store':<42} {'emitted':>8} {'stored':>8} {'lost':>6} {'twice':>6}"]
        lines += [f"{a.place:<42} {a.emitted:>8} {a.stored:>8} {a.lost:>6} {a.duplicated:>6}" for a in self.accounts]
        lines += [f"all {t.item}s: emitted {t.emitted}, stored {t.stored}, dropped {t.dropped or 0}" for t in self.totals]
        return "\n".join(lines)
