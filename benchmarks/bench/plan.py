"""What is measured, how often and for how long: the whole within half an hour, `--quick` in about three minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.bench.variants import BASELINE, VARIANTS


@dataclass(frozen=True)
class Load:
    """A closed loop of so many connections, or an open loop of so many requests a second."""

    kind: Literal["closed", "open"]
    amount: int
    seconds: int
    rounds: int

    @property
    def name(self) -> str:
        """As the tables have it."""
        if self.kind == "open":
            return f"{self.amount}/s"
        return f"{self.amount} connection{'s' if self.amount > 1 else ''}"


@dataclass(frozen=True)
class Plan:
    """The loads of each workload, the variants that it leaves out, and how often each is started."""

    kind: str
    loads: dict[str, Sequence[Load]]
    starts: int
    limit_seconds: float = 1800
    """Where a slow machine would take longer, it measures fewer rounds."""
    without: dict[str, Sequence[str]] = field(default_factory=dict)

    def variants(self, workload: str, only: Sequence[str] = ()) -> list[str]:
        """The variants of a workload, in the table's order; with `only`, those and the one that all are compared with."""
        wanted = {BASELINE, *only} if only else set(VARIANTS)
        left_out = self.without.get(workload, ())
        return [name for name, one in VARIANTS.items() if name in wanted - set(left_out) and workload in one.workloads]

    def turns(self, workload: str, only: Sequence[str] = ()) -> Iterator[tuple[Load, int, str]]:
        """Each load, round and variant in the order of the run: every round has all variants, each time from another one on."""
        names = [name for name in self.variants(workload, only) if VARIANTS[name].measured]
        loads = self.loads[workload]
        for number in range(max((load.rounds for load in loads), default=0)):
            for load in (one for one in loads if number < one.rounds):
                first = number * 5 % len(names)
                yield from ((load, number, name) for name in names[first:] + names[:first])

    def seconds(self, only: Sequence[str] = ()) -> float:
        """About how long it takes."""
        return sum(
            seconds_of_starts(len(self.variants(workload, only)), self.starts if workload == "iris" else 1)
            + sum(seconds_of_turn(load) for load, _, _ in self.turns(workload, only))
            for workload in self.loads
        )


def seconds_of_turn(load: Load) -> float:
    """A turn with what is waited for around it: wrk's drain, the open loop's start, telemetry that is still sent."""
    return load.seconds + (1.6 if load.kind == "closed" else 1.2)


def seconds_of_starts(variants: int, starts: int) -> float:
    """Starts, warming up, and orderly ends."""
    return variants * (3.5 * starts + 1)


WHOLE = Plan(
    "whole",
    {
        "iris": [
            *(Load("closed", connections, 2, 5) for connections in (1, 16, 64)),
            *(Load("open", rate, 4, 3) for rate in (200, 400, 800)),
        ],
        "forest": [Load("closed", 16, 2, 3)],
        "no-op": [Load("closed", 16, 2, 5)],
    },
    starts=3,
)

QUICK = Plan(
    "quick",
    {
        "iris": [*(Load("closed", connections, 1, 1) for connections in (1, 16, 64)), Load("open", 400, 2, 1)],
        "forest": [Load("closed", 16, 1, 1)],
        "no-op": [Load("closed", 16, 1, 1)],
    },
    starts=1,
    without={
        workload: [name for name in VARIANTS if name not in kept]
        for workload, kept in {"forest": (BASELINE, "ours"), "no-op": (BASELINE, "ours", "ours-off", "instrument")}.items()
    },
)

SMOKE = Plan("smoke", {"iris": [Load("closed", 4, 1, 1), Load("open", 50, 1, 1)]}, starts=1)
"""For the test of the benchmark itself."""

PLANS = {one.kind: one for one in (WHOLE, QUICK, SMOKE)}
