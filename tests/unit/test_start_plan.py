"""What a start stops and starts, and in which order, as a table; and what holds for every start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.orchestration.groups import GROUPS, GroupName
from vitals.orchestration.start_plan import start_plan

USUAL: list[GroupName] = ["elk", "prom-graf", "collector", "service"]
OF_SERVICE: list[GroupName] = ["collector", "service"]


@pytest.mark.parametrize(
    ("wanted", "running", "anew", "deletes_data", "steps"),
    [
        (USUAL, [], [], False, "start elk prom-graf · start collector · start service"),
        (USUAL, USUAL, [], False, "wait · wait · wait"),
        (USUAL, ["elk", "collector"], [], False, "start prom-graf · wait · start service"),
        # Only at its turn: the Collector, and the service with it, are away while nothing else is waited for.
        (USUAL, USUAL, ["collector"], False, "wait · stop collector, start collector · wait"),
        (USUAL, USUAL, ["service"], False, "wait · wait · stop service, start service"),
        (USUAL, USUAL, OF_SERVICE, False, "wait · stop collector service, start collector · start service"),
        ([*USUAL, "victorialogs"], USUAL, ["collector"], False, "start victorialogs · stop collector, start collector · wait"),
        # A store that starts anew is stopped before its files are written, and whatever sends to it.
        (USUAL, USUAL, ["elk"], False, "stop elk, start elk · wait · wait"),
        (
            USUAL,
            USUAL,
            USUAL,
            False,
            f"stop {' '.join(USUAL)}, start elk prom-graf · start collector · start service",
        ),
        # Data are deleted only under groups that are stopped.
        (OF_SERVICE, OF_SERVICE, OF_SERVICE, True, "stop collector service, start collector · start service"),
    ],
)
def test_a_start(
    wanted: list[GroupName], running: list[GroupName], anew: list[GroupName], deletes_data: bool, steps: str
) -> None:
    plan = start_plan(wanted, running=running, anew=anew, deletes_data=deletes_data)
    told = []
    for number, wave in enumerate(plan.waves):
        stop = (plan.stop_first if number == 0 else ()) + wave.stop
        said = [f"stop {' '.join(stop)}"] if stop else []
        said += [f"start {' '.join(wave.start)}"] if wave.start else []
        told.append(", ".join(said) or "wait")
    assert " · ".join(told) == steps
    assert plan.stop_first == tuple(anew) or not deletes_data


GROUP_LISTS = st.lists(st.sampled_from(list(GROUPS)), unique=True)


@given(wanted=GROUP_LISTS, running=GROUP_LISTS, data=st.data(), deletes_data=st.booleans())
def test_every_start(wanted: list[GroupName], running: list[GroupName], data: st.DataObject, deletes_data: bool) -> None:
    anew = [name for name in running if name in wanted and data.draw(st.booleans())]
    plan = start_plan(wanted, running=running, anew=anew, deletes_data=deletes_data)
    up = set(running) - set(plan.stop_first)
    stopped = list(plan.stop_first)
    for wave in plan.waves:
        up -= set(wave.stop)
        stopped += wave.stop
        assert up.isdisjoint(wave.start), "nothing is started that runs"
        up |= set(wave.start)
        assert up >= set(wave.groups), "what is waited for has been started"
    assert up >= set(wanted), "all that is wanted runs"
    assert sorted(stopped) == sorted(anew), "each is stopped once, and no other"
    assert [name for wave in plan.waves for name in wave.start] == plan.start
