"""A run that ends early keeps what was counted: the workloads before, and the finished rounds of the one that it ended in."""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench import __main__ as bench
from benchmarks.bench import cells, counting, machine, measure, record
from benchmarks.bench.closed_loop import Closed
from benchmarks.bench.open_loop import Answers
from benchmarks.bench.plan import Load, Plan

PLAN = Plan("smoke", {"iris": [Load("closed", 16, 1, 2)], "no-op": [Load("closed", 16, 1, 3)]}, starts=2)
VARIANTS = ("plain", "instrument")
Told = pytest.CaptureFixture[str]


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def fails(*_: object) -> None:
    raise full()


class Stage:
    """Stands in for servers, load and sink: each turn is answered ten times, and the turn that is named ends the run."""

    def __init__(self) -> None:
        self.ends_in: dict[int, BaseException] = {}
        self.turns = 0
        self.running: set[int] = set()
        self.sinks = 0
        self.at_turn: dict[int, Callable[[], None]] = {}

    @contextmanager
    def sink(self, _port: int, kept: Path) -> Iterator[None]:
        kept.touch()
        self.sinks += 1
        try:
            yield
        finally:
            assert not self.running, "the servers still send when they end"
            self.sinks -= 1

    def load(self, *_: Any, **__: Any) -> Closed:
        self.turns += 1
        if self.turns in self.at_turn:
            self.at_turn[self.turns]()
        if self.turns in self.ends_in:
            raise self.ends_in[self.turns]
        return Closed(answered=10, rate=10.0, p50=1.0, p99=2.0, p999=3.0, wrong=0)


class Server:
    """A server that only is running or not."""

    stage: Stage
    port = pid = 1

    def __init__(self, *_: Any, **__: Any) -> None:
        self.stage.running.add(id(self))

    def stop(self) -> None:
        self.stage.running.discard(id(self))

    def wait_ready(self, _: str) -> float:
        return 1.0

    def processor_seconds(self) -> float:
        return 1.0

    def resident_bytes(self) -> int:
        return 10**8

    def pause(self, *_: Any) -> None:
        pass

    resume = wait_idle = pause


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    warm = Answers(5, b"")
    warm.latencies = [1.0] * 5
    monkeypatch.setattr(Server, "stage", made, raising=False)
    monkeypatch.setattr(measure, "Server", Server)
    monkeypatch.setattr(measure, "_sink", made.sink)
    monkeypatch.setattr(measure.closed_loop, "run", made.load)
    monkeypatch.setattr(measure.open_loop, "run", lambda *_: warm)
    monkeypatch.setattr(measure.models, "make", lambda _workload, folder, _wanted: folder.mkdir())
    monkeypatch.setattr(counting, "count", lambda _: {})
    monkeypatch.setattr(cells.counting, "refusal", lambda *_, **__: "")
    monkeypatch.setattr(machine, "missing", list)
    monkeypatch.setattr(machine, "busy_share", lambda: 0.0)
    monkeypatch.setattr(machine, "cores", lambda: (0, 1))
    monkeypatch.setattr(bench.os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setitem(bench.PLANS, "smoke", PLAN)
    return made


def run(into: Path) -> int:
    return bench.main(["--smoke", "--only", "instrument", "--into", str(into)])


def rounds(kept: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(one["workload"], one["variant"]): len(one["rounds"]) for one in kept["cells"]}


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        (full(), 1, "OSError (measure.py, line "),
        (AssertionError("two\nlines"), 1, "AssertionError (measure.py, line "),
        (KeyboardInterrupt(), 130, "Ctrl-C: "),
        (SystemExit(143), 143, "a signal: "),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, BaseException) else "",
)
def test_the_finished_rounds_are_kept(
    stage: Stage, tmp_path: Path, capsys: Told, wrong: BaseException, status: int, said: str
) -> None:
    stage.ends_in = {4 + 4: wrong}  # iris has four turns; the fourth of no-op is the second one's second
    assert run(tmp_path) == status
    last = capsys.readouterr().err.splitlines()[-1]
    file = tmp_path / record.NAME
    assert last.startswith(f"The run ended early, by {said}")
    assert f"what was counted of iris, no-op is kept in {file}, which `python -m benchmarks.bench --show {file}` prints." in last
    kept = json.loads(file.read_text())
    assert sorted(rounds(kept).values()) == [1, 2, 2, 2]
    assert not stage.running
    assert not stage.sinks
    assert [one.name for one in tmp_path.iterdir()] == [record.NAME], "no result, no page"


def test_what_is_kept_can_be_printed_and_says_what_it_is(stage: Stage, tmp_path: Path, capsys: Told) -> None:
    stage.ends_in = {8: KeyboardInterrupt()}
    run(tmp_path)
    capsys.readouterr()
    assert bench.main(["--show", str(tmp_path / record.NAME)]) == 0
    page = capsys.readouterr().out
    assert "**This run did not finish: it was ended by Ctrl-C." in page
    assert "| plain + instrument() | 10.0 | 1.00 | 2.00 |" in page


def test_each_workload_is_kept_when_it_is_done_until_the_run_is_complete(stage: Stage, tmp_path: Path) -> None:
    seen = []
    stage.at_turn = {
        4: lambda: seen.append((tmp_path / record.NAME).exists()),
        5: lambda: seen.append(rounds(json.loads((tmp_path / record.NAME).read_text()))),
    }
    assert run(tmp_path) == 0
    assert seen == [False, {("iris", "plain"): 2, ("iris", "instrument"): 2}]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bench.json", "performance.md", "performance.svg"]
    assert "unfinished" not in json.loads((tmp_path / "bench.json").read_text())


def test_where_nothing_was_counted_nothing_is_kept(stage: Stage, tmp_path: Path, capsys: Told) -> None:
    stage.ends_in = {1: KeyboardInterrupt()}
    (tmp_path / record.NAME).write_text("of an earlier run")
    assert run(tmp_path) == 130
    assert "by Ctrl-C, before anything was counted: nothing is kept." in capsys.readouterr().err
    assert (tmp_path / record.NAME).read_text() == "of an earlier run"


def test_a_disk_that_is_full_does_not_end_the_run(
    stage: Stage, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "write_atomically", fails)
    assert run(tmp_path) == 0
    assert "what is counted so far could not be kept: [Errno 28]" in capsys.readouterr().err
    stage.ends_in = {stage.turns + 5: KeyboardInterrupt()}
    assert run(tmp_path) == 130
    assert "by Ctrl-C, and what was counted could not be kept: [Errno 28]" in capsys.readouterr().err


def test_a_result_that_can_not_be_written_leaves_the_last_one(
    stage: Stage, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench.json").write_text("the last one")
    monkeypatch.setattr(bench, "write_atomically", fails)
    assert run(tmp_path) == 1
    assert (tmp_path / "bench.json").read_text() == "the last one"
    assert len(json.loads((tmp_path / record.NAME).read_text())["cells"]) == 4
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_ends_a_process_keeps_too(stage: Stage, tmp_path: Path, number: int, status: int) -> None:
    stage.at_turn = {6: lambda: signal.raise_signal(number)}
    assert run(tmp_path) == status
    assert rounds(json.loads((tmp_path / record.NAME).read_text()))["iris", "plain"] == 2
    assert signal.getsignal(number) == signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so(stage: Stage, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stage.at_turn = {6: lambda: signal.raise_signal(signal.SIGHUP)}
        assert run(tmp_path) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_it_is_not_committed() -> None:
    assert f"docs/performance/{record.NAME}" in (bench.ROOT / ".gitignore").read_text().splitlines()
