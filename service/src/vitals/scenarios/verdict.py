"""Whether the alerts that fired are those that a scenario must bring about: from episodes to a verdict, without asking anyone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vitals.scenarios.alerts import HOST, Episode

Role = Literal["expected", "may follow", "this machine", "its restart", "unexpected"]


@dataclass(frozen=True)
class Expectation:
    """The alerts that must fire, and those that may: what follows in some models or on some machines. No other may."""

    fires: frozenset[str]
    may: frozenset[str] = frozenset()
    restart: frozenset[str] = frozenset()
    """May begin before the traffic and after it, while the scenario itself restarts a part of the stack."""
    lasted: float = math.inf
    """How long the traffic lasted, in seconds."""


@dataclass(frozen=True)
class Line:
    """One alert of the verdict; times in seconds since the scenario's start."""

    alert: str
    role: Role
    series: int
    began: float | None
    fired: float | None
    resolved: float | None
    well: bool
    why: str
    about: tuple[str, ...] = ()


def judge(expected: Expectation, seen: Sequence[Episode]) -> list[Line]:
    """A line for each alert that was expected or was active: the expected ones first, then in the order in which they began."""
    names = [*sorted(expected.fires), *dict.fromkeys(one.name for one in seen if one.name not in expected.fires)]
    return [_line(name, expected, [one for one in seen if one.name == name]) for name in names]


def met(lines: Sequence[Line]) -> bool:
    """Whether everything is as expected."""
    return all(line.well for line in lines)


def unresolved(expected: Expectation, seen: Sequence[Episode]) -> set[str]:
    """Alerts that fired and still do, except those about the machine."""
    firing = {one.name for one in seen if one.fired is not None and one.resolved is None}
    return {name for name in firing if role(name, expected, seen) != "this machine"}


def role(name: str, expected: Expectation, seen: Sequence[Episode]) -> Role:
    """What an alert is to a scenario; one about the machine is not asserted unless the scenario names it."""
    if name in expected.fires:
        return "expected"
    if name in expected.may:
        return "may follow"
    its = [one for one in seen if one.name == name]
    if all(one.scope == HOST for one in its):
        return "this machine"
    if name in expected.restart and all(one.began < 0 or one.began >= expected.lasted for one in its):
        return "its restart"
    return "unexpected"


def _line(name: str, expected: Expectation, seen: list[Episode]) -> Line:
    its = role(name, expected, seen)
    fired = [one for one in seen if one.fired is not None]
    ended = [one.resolved for one in fired]
    resolved = max((at for at in ended if at is not None), default=None) if None not in ended else None
    if its == "expected":
        well, why = (True, "fired") if fired else (False, "did not fire")
    elif its == "unexpected":
        well, why = (False, "fired, and should not") if fired else (True, "was pending only")
    else:
        well, why = True, "fired" if fired else "was pending only"
    if well and fired and resolved is None and its != "this machine":
        well, why = False, "is still firing"
    return Line(
        alert=name,
        role=its,
        series=len({tuple(sorted(one.labels.items())) for one in fired or seen}),
        began=min((one.began for one in seen), default=None),
        fired=min((one.fired for one in fired if one.fired is not None), default=None),
        resolved=resolved,
        well=well,
        why=why,
        about=tuple(sorted({one.labels["ml_feature_name"] for one in fired if "ml_feature_name" in one.labels})),
    )
