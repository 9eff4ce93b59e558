"""The watchdog of the event loop, in processes of their own: it ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from vitals.host.processes import wait_until
from vitals.serving.loop_watchdog import STATUS, where

pytestmark = pytest.mark.slow

_PROGRAM = """
import asyncio, logging, re, sys, time
from vitals.serving.loop_watchdog import loop_watched

logging.basicConfig(level="INFO")

def spin():
    while True:
        pass

def sleep_for_ever():
    time.sleep(600)

def match_for_ever():
    re.match(r"(a+)+$", "a" * 64 + "b")  # does not let go of the interpreter

def nothing():
    pass

async def main():
    with loop_watched(float(sys.argv[2]), lambda: print("last words", flush=True)):
        await asyncio.sleep(0.2)
        print("watched", flush=True)
        globals()[sys.argv[1]]()
        for _ in range(int(sys.argv[3])):
            await asyncio.sleep(0.1)
    print("out of sight", flush=True)
    time.sleep(float(sys.argv[4]))

asyncio.run(main())
print("an orderly end", flush=True)
"""


def _program(what: str, stall: float, *, turns: int = 0, after: float = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _PROGRAM, what, str(stall), str(turns), str(after)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how", ["spin", "sleep_for_ever"])
def test_a_loop_that_does_not_turn_ends_the_process_and_the_log_says_where_it_is(how: str) -> None:
    out, err = (program := _program(how, 0.5)).communicate(timeout=120)
    assert program.returncode == STATUS, err
    [told] = [line for line in err.splitlines() if line.startswith("CRITICAL")]
    assert "The event loop has not turned for 0 s" in told
    assert f"It is in {how} (" in told
    assert out.splitlines() == ["watched", "last words"]


def test_one_that_does_not_let_go_of_the_interpreter_is_ended_by_a_signal_with_a_traceback() -> None:
    _, err = (program := _program("match_for_ever", 0.5)).communicate(timeout=120)
    assert program.returncode == -signal.SIGPROF, err
    assert "in match_for_ever" in err


def test_a_loop_that_turns_is_left_alone_and_so_is_what_comes_after() -> None:
    """Shutting down may block the loop: nobody watches then."""
    out, err = (program := _program("nothing", 1.0, turns=30, after=3.0)).communicate(timeout=120)
    assert program.returncode == 0, err
    assert out.splitlines() == ["watched", "out of sight", "an orderly end"]


def test_zero_is_never() -> None:
    out, _ = (program := _program("nothing", 0, after=0)).communicate(timeout=120)
    assert program.returncode == 0
    assert "an orderly end" in out


def test_a_process_that_was_stopped_has_not_stalled() -> None:
    """Stopped for longer than the limit, it goes on for longer than a watchdog would wait that was misled."""
    program = _program("nothing", 2.0, turns=40)
    assert program.stdout is not None
    assert program.stdout.readline() == "watched\n"
    os.kill(program.pid, signal.SIGSTOP)
    assert wait_until(lambda: psutil.Process(program.pid).status() == psutil.STATUS_STOPPED, 30)
    time.sleep(3)  # what is tested is that this time does not count
    os.kill(program.pid, signal.SIGCONT)
    out, err = program.communicate(timeout=120)
    assert program.returncode == 0, err
    assert out.splitlines() == ["out of sight", "an orderly end"]


def test_where_it_is_in_one_line() -> None:
    frame = sys._getframe()
    assert where(frame).startswith(f"test_where_it_is_in_one_line ({__file__}:{frame.f_lineno}")
    assert where(None) == "no Python code"
