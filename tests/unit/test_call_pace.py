"""Where a call of the model runs, by what calls take."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vitals.model import call_pace, call_time
from vitals.model.call_pace import SHORT_CALLS_TO_RETURN, CallPace, measured_pace
from vitals.model.call_time import CallTime
from vitals.model.served import ServedModel


class _Clocked:
    """A model whose calls take a time that is made up: so much, and so much more for each further row."""

    def __init__(self, alone: float, a_row: float, most_rows: float = float("inf"), first: float = 0.0) -> None:
        self.now = 0.0
        self.calls: list[int] = []
        self._alone, self._a_row, self._most_rows, self._first = alone, a_row, most_rows, first

    def predict(self, rows: Sequence[Any]) -> list[Any]:
        if len(rows) > self._most_rows:
            raise ValueError("too many rows")
        self.now += self._alone + self._a_row * (len(rows) - 1) + (0 if self.calls else self._first)
        self.calls.append(len(rows))
        return [None] * len(rows)


def _pace(model: _Clocked, monkeypatch: pytest.MonkeyPatch, max_size: int = 64) -> CallPace:

    def begun() -> SimpleNamespace:
        start = model.now
        return SimpleNamespace(own_seconds=lambda: model.now - start)

    monkeypatch.setattr(call_pace, "CallTime", begun)
    return measured_pace(cast(ServedModel, model), [1.0], max_size=max_size)


@pytest.mark.parametrize(
    ("model", "max_size", "most"),
    [
        (_Clocked(0.0002, 0.0), 64, 64),
        (_Clocked(0.0002, 0.0), 4096, 4096),
        (_Clocked(0.0002, 0.0), 1, 1),
        (_Clocked(0.001, 0.001), 64, 10),  # ten rows take the 10 ms
        (_Clocked(0.0099, 0.01), 64, 1),
        (_Clocked(0.011, 0.0), 64, 0),
        (_Clocked(30.0, 0.0), 64, 0),
        (_Clocked(0.0002, 0.0, most_rows=1), 64, 1),  # an ONNX model with a fixed batch of one
        (_Clocked(0.0002, 0.0, first=0.5), 64, 64),  # what a first call sets up is not measured
    ],
)
def test_as_many_rows_as_take_ten_milliseconds_run_on_the_event_loop(
    model: _Clocked, max_size: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = _pace(model, monkeypatch, max_size)
    assert [rows for rows in range(1, max_size + 2) if pace.on_loop(rows)] == list(range(1, most + 1))


def test_a_model_that_is_slow_by_far_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _Clocked(30.0, 0.0)
    pace = _pace(model, monkeypatch)
    assert len(model.calls) == 1
    assert pace.lone_seconds == 30


def test_what_a_model_raises_for_one_row_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="too many rows"):
        _pace(_Clocked(0.1, 0.0, most_rows=0), monkeypatch)


def test_one_call_of_more_than_20_ms_moves_all_to_the_thread_and_short_ones_in_a_row_bring_them_back() -> None:
    pace = CallPace(64)
    pace.took(64, 0.0199)
    assert pace.on_loop(1)
    pace.took(1, 0.0201)
    assert not pace.on_loop(1)
    for _ in range(SHORT_CALLS_TO_RETURN - 1):
        pace.took(1, 0.001)
    assert not pace.on_loop(1)
    pace.took(1, 0.011)  # no longer in a row
    for _ in range(SHORT_CALLS_TO_RETURN):
        assert not pace.on_loop(1)
        pace.took(1, 0.001)
    assert pace.on_loop(64)


def test_a_request_with_more_rows_than_a_batch_says_nothing_about_the_others() -> None:
    pace = CallPace(64)
    pace.took(100, 1.0)
    assert pace.on_loop(64)
    assert not pace.on_loop(65)


def test_the_time_of_a_call_is_its_own_and_what_it_waits_for() -> None:
    clock = CallTime()
    time.sleep(0.03)  # how long a call takes is what is tested
    assert clock.own_seconds() >= 0.03
    clock, begun = CallTime(), time.thread_time()
    while time.thread_time() - begun < 0.02:
        pass
    assert clock.own_seconds() >= 0.015


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_THREAD"), reason="only Linux tells how often a thread waited")
def test_a_processor_that_others_had_is_not_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a busy machine, or in a container at its CPU limit: 100 ms on the clock, 4 ms of processor, and no waiting."""
    usages = iter(
        [SimpleNamespace(ru_nvcsw=7, ru_utime=1.0, ru_stime=0.5), SimpleNamespace(ru_nvcsw=7, ru_utime=1.003, ru_stime=0.501)]
    )
    clocks = iter([10.0, 10.1])
    monkeypatch.setattr(call_time, "resource", SimpleNamespace(getrusage=lambda _: next(usages)))
    monkeypatch.setattr(call_time, "time", SimpleNamespace(perf_counter=lambda: next(clocks)))
    assert CallTime().own_seconds() == pytest.approx(0.004)
