"""The JSON of a run as it grows: kept after each workload, so that a run that ends early leaves what it has counted."""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitals.checkout import ROOT
from vitals.host.secrets import write_atomically

NAME = "bench-unfinished.json"
"""Beside the result's place, until that is written."""

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Record:
    """One run: what is known of it from the start on, and the file for what it has found by now."""

    def __init__(self, about: dict[str, Any], folder: Path) -> None:
        self._about = about
        self._file = folder / NAME
        self._begun = time.monotonic()

    def result(self, found: dict[str, Any]) -> dict[str, Any]:
        """The whole JSON."""
        return {**self._about, "seconds": round(time.monotonic() - self._begun), **found}

    def keep(self, found: dict[str, Any], why: str = "it was still under way when this was kept") -> str:
        """Write what is known by now, and return why it could not be written: a full disk does not end the run."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, text({**self.result(found), "unfinished": why}))
        except OSError as wrong:
            return str(wrong)
        return ""

    def complete(self) -> None:
        """Its result is written: nothing unfinished is left."""
        self._file.unlink(missing_ok=True)

    def ended(self, found: dict[str, Any], wrong: BaseException) -> int:
        """Keep what was counted, say where on stderr, and return the exit status."""
        why = _said(wrong)
        begin = f"The run ended early, by {why}"
        if not found["cells"]:
            print(f"{begin}, before anything was counted: nothing is kept.", file=sys.stderr)
        elif failed := self.keep(found, f"it was ended by {why}"):
            print(f"{begin}, and what was counted could not be kept: {failed}.", file=sys.stderr)
        else:
            file, workloads = _shown(self._file), ", ".join(_workloads(found))
            kept = f"what was counted of {workloads} is kept in {file}"
            print(f"{begin}: {kept}, which `python -m benchmarks.bench --show {file}` prints.", file=sys.stderr)
        return _status(wrong)


def text(result: dict[str, Any]) -> str:
    """As the file has it."""
    return json.dumps(result, indent=1, ensure_ascii=False) + "\n"


@contextmanager
def signals_end_it() -> Iterator[None]:
    """What is sent to end a process ends this one as Ctrl-C does: it still ends its servers and keeps what it has.

    A signal that is ignored stays so, as `nohup` has it.
    """

    def end(number: int, _: Any) -> None:
        sys.exit(128 + number)

    before = {one: signal.signal(one, end) for one in _SIGNALS if signal.getsignal(one) == signal.SIG_DFL}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _status(wrong: BaseException) -> int:
    if isinstance(wrong, KeyboardInterrupt):
        return 128 + signal.SIGINT
    return wrong.code if isinstance(wrong, SystemExit) and isinstance(wrong.code, int) else 1


def _said(wrong: BaseException) -> str:
    if isinstance(wrong, KeyboardInterrupt):
        return "Ctrl-C"
    if isinstance(wrong, SystemExit):
        return "a signal"
    here = str(Path(__file__).parent)
    ours = [one for one in traceback.extract_tb(wrong.__traceback__) if one.filename.startswith(here)]
    where = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    return " ".join(f"{type(wrong).__name__}{where}: {wrong}".split())


def _workloads(found: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(one["workload"] for one in found["cells"]))


def _shown(file: Path) -> str:
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
