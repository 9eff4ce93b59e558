"""Runs programs in processes of their own, each forked from this one, which has imported what they need.

    python -m tests.models.forking MODULE...

scikit-learn, XGBoost and the service take four seconds to import: a new interpreter for each of a hundred models would spend
most of its time on that. A forked process is a process: it has its own arguments, environment, signals and exit status.
Orders and answers are lines of JSON on standard input and output:

    {"run": "vitals.cli", "arguments": […], "environment": {…}, "folder": "…", "output": "FILE"}   →  {"pid": 17}
    {"look_at": 17}                                                                                →  {"lives": true}
    {"wait": 17, "seconds": 60}                                                                    →  {"status": 0}

`run` names a module whose `main()` is called. A process that outlasts `seconds` is killed: its status is -9.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    """Import the modules that the command line names, then serve orders until standard input ends."""
    orders, answers = os.dup(0), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints while it is imported is no answer
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what was imported stays shared by the processes
    running: set[int] = set()
    with os.fdopen(orders, "rb", buffering=0) as lines:
        _answer(answers, {"ready": True})
        while line := lines.readline():
            order = json.loads(line)
            if "wait" in order:
                _answer(answers, {"status": _status(order["wait"], order["seconds"])})
                running.discard(order["wait"])
                continue
            if "look_at" in order:
                ended = os.waitid(os.P_PID, order["look_at"], os.WEXITED | os.WNOHANG | os.WNOWAIT)
                _answer(answers, {"lives": ended is None})
                continue
            pid = os.fork()
            if not pid:
                lines.close()
                answers.close()
                status = _run(order)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)  # libraries wait at exit for threads of theirs that a forked process does not have
            running.add(pid)
            _answer(answers, {"pid": pid})
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _run(order: dict[str, Any]) -> int:
    """In the new process: the module's main(). Gives its exit status; 1 with a traceback where it raised."""
    with Path(os.devnull).open("rb") as nothing, Path(order["output"]).open("wb") as output:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv = [order["run"], *order["arguments"]]
    try:
        importlib.import_module(order["run"]).main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _status(pid: int, seconds: float) -> int:
    """The exit status of the process; that of a signal is its number below 0."""
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline += seconds
        time.sleep(0.005)


def _answer(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
