"""What a start has to do, decided before anything is done: which groups it stops and starts, and when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vitals.orchestration.groups import GroupName, waves

_BRIEFLY_AWAY: frozenset[GroupName] = frozenset({"collector", "service"})
"""Stopped only once everything is there to start them again, so that they are away for as short as can be."""


@dataclass(frozen=True)
class Wave:
    """Groups that start at once. `stop` is stopped before them, and all `groups` are ready before the next wave."""

    groups: tuple[GroupName, ...]
    start: tuple[GroupName, ...]
    stop: tuple[GroupName, ...] = ()


@dataclass(frozen=True)
class StartPlan:
    """The steps of one start: stop `stop_first`, prepare what `start` needs, then one wave after the other."""

    stop_first: tuple[GroupName, ...]
    waves: tuple[Wave, ...]

    @property
    def start(self) -> list[GroupName]:
        """Every group to start, in that order."""
        return [name for wave in self.waves for name in wave.start]


def start_plan(
    wanted: Sequence[GroupName],
    *,
    running: Collection[GroupName],
    anew: Sequence[GroupName],
    deletes_data: bool = False,
) -> StartPlan:
    """Start the `wanted` groups that do not run, and those that are to start `anew`, after stopping these.

    deletes_data: the groups' data are deleted in between, so all that start anew are stopped first.
    """
    first = deletes_data or not _BRIEFLY_AWAY.issuperset(anew)
    planned: list[Wave] = []
    to_stop = () if first else tuple(anew)
    for names in waves(wanted):
        stop = to_stop if not set(names).isdisjoint(to_stop) else ()
        to_stop = () if stop else to_stop
        planned.append(Wave(tuple(names), tuple(name for name in names if name in anew or name not in running), stop))
    return StartPlan(tuple(anew) if first else (), tuple(planned))
