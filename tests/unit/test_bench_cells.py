"""A load of a variant counts only where all that was answered arrived; one that lost something takes no other with it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from benchmarks.bench.cells import Run, Turn, cells_of
from benchmarks.bench.counting import Arrived
from benchmarks.bench.plan import Load

CLOSED, OPEN = Load("closed", 16, 1, 2), Load("open", 200, 1, 1)


def turn(load: Load, begin: int, answered: int = 10, wrong: int = 0) -> Turn:
    """A turn of 100 ns whose requests began one a nanosecond."""
    latencies = list(range(1000, 11000, 1000)) if load.kind == "open" else []
    return Turn(load, answered, {"cpu_us": 100.0}, latencies, wrong, begin, begin + 100)


def run(*turns: Turn, failed: str = "") -> Run:
    return Run(cast("Any", None), cast("Any", None), 5 + sum(one.answered for one in turns), list(turns), failed)


def arrived(*begins: int, requests: int) -> Arrived:
    """Ten spans and logs from each of those times on, and five of warming up."""
    times = [1, 2, 3, 4, 5, *(begin + number for begin in begins for number in range(10))]
    return Arrived(times, times[:], requests)


def test_each_load_is_counted_over_its_own_stretches_of_time() -> None:
    closed, opened = cells_of(
        "ours", "iris", run(turn(CLOSED, 1000), turn(OPEN, 2000), turn(CLOSED, 3000)), arrived(1000, 2000, 3000, requests=35)
    )
    assert (closed["answered"], closed["spans"], closed["logs"], closed["refused"], len(closed["rounds"])) == (20, 20, 20, "", 2)
    assert (opened["answered"], opened["spans"], opened["logs"], opened["refused"]) == (10, 10, 10, "")
    assert opened["latency_ms"] == {"p50": 5, "p99": 10, "p999": 10}


def test_a_load_that_lost_something_is_refused_alone() -> None:
    got = arrived(1000, 2000, requests=25)
    got.spans.remove(2003)
    closed, opened = cells_of("ours", "iris", run(turn(CLOSED, 1000), turn(OPEN, 2000)), got)
    assert (closed["refused"], opened["refused"]) == ("", "9 spans for 10")


@pytest.mark.parametrize(
    ("variant", "got", "refused"),
    [
        ("ours", arrived(1000, requests=14), "14 requests counted for 15"),
        ("ours-off", Arrived(), ""),
        ("ours-off", arrived(requests=0), "5 spans for 0, 5 logs for 0"),
        ("instrument", Arrived(arrived(1000, requests=0).spans, [], 15), ""),
    ],
)
def test_what_is_wrong_with_the_whole_is_wrong_with_each_load(variant: str, got: Arrived, refused: str) -> None:
    [cell] = cells_of(variant, "iris", run(turn(CLOSED, 1000)), got)
    assert cell["refused"] == refused


def test_failed_requests_are_no_answers() -> None:
    [cell] = cells_of("plain", "iris", run(turn(CLOSED, 1000, wrong=3)), Arrived())
    assert cell["refused"] == "3 requests failed"
    [cell] = cells_of("plain", "iris", run(turn(CLOSED, 1000), failed="16 connections: it ended"), Arrived())
    assert cell["refused"] == "16 connections: it ended"


@pytest.mark.parametrize(
    ("counted", "refused"),
    [(15, ""), (22, ""), (14, "14 requests counted for 15")],
    ids=["none of the turn that was cut off", "some of it", "fewer than the finished turns had"],
)
def test_finished_turns_count_where_the_run_ended_within_the_next(counted: int, refused: str) -> None:
    cut = run(turn(CLOSED, 1000))
    cut.cut_off = True
    got = arrived(1000, 2000, requests=counted)
    [cell] = cells_of("ours", "iris", cut, got)
    assert (cell["answered"], cell["spans"], cell["logs"], cell["refused"]) == (10, 10, 10, refused)
