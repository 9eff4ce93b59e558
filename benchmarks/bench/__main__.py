"""`make bench`: every variant in one run, one table of it as JSON, Markdown and a plot.

    python -m benchmarks.bench [--quick] [--only VARIANT]... [--json] [--into FOLDER]

One core serves, the other has the load and a sink for OTLP. A variant counts only if the sink has the span, the log and the
count of every request that was answered. A run that ends early leaves what it has counted in bench-unfinished.json, and says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.bench import machine, plot, table
from benchmarks.bench.measure import Bench
from benchmarks.bench.plan import PLANS
from benchmarks.bench.progress import Progress
from benchmarks.bench.record import Record, signals_end_it, text
from benchmarks.bench.variants import VARIANTS
from vitals.checkout import ROOT
from vitals.host.secrets import write_atomically

RESULT = ROOT / "docs/performance/bench.json"
PAGE = ROOT / "docs/performance.md"
PLOT = ROOT / "docs/images/performance.svg"
BESIDE = ("collector", "freshness")


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench",
        description=__doc__,
        epilog="variants: " + ", ".join(f"{name} ({one.title})" for name, one in VARIANTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="about three minutes instead of half an hour; rougher figures")
    parser.add_argument(
        "--only", action="append", default=[], choices=list(VARIANTS), metavar="VARIANT", help="this one, and the baseline"
    )
    parser.add_argument("--json", action="store_true", help="write the JSON to stdout instead of the table")
    parser.add_argument("--into", type=Path, help="write the JSON, the page and the plot into this folder, not into docs/")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page and the plot anew from the JSON")
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: print the table of this JSON")
    parser.add_argument("--smoke", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write. Returns the exit status: 1 where something is missing, with a sentence for each."""
    given = _given(arguments)
    if given.page:
        _write(read_result(), PAGE, PLOT)
        return 0
    if given.show:
        return _show(given.show)
    missing = machine.missing()
    if missing:
        print(*missing, sep="\n", file=sys.stderr)
        return 1
    plan = PLANS["smoke" if given.smoke else "quick" if given.quick else "whole"]
    about: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["make bench", *(["QUICK=1"] if given.quick else []), *(f"ONLY={name}" for name in given.only)]),
        "plan": plan.kind,
        "only": given.only,
        "machine": machine.described(),
        "versions": machine.versions(),
    }
    if float(about["machine"]["busy_before"].split("%")[0]) > table.BUSY_PERCENT:
        print(
            f"The machine is {about['machine']['busy_before']} busy with other work: the figures will be rough.", file=sys.stderr
        )
    cores = machine.cores()
    os.sched_setaffinity(0, {cores[1]})  # and with this process what it starts: the sink, the load; the servers go to the other
    record = Record(about, given.into or RESULT.parent)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch, signals_end_it():
        bench = Bench(plan, given.only, cores, Progress(plan.seconds(given.only)), Path(scratch))
        try:
            result = record.result(bench.measure(record.keep))
            _keep(result, given)
        except (Exception, KeyboardInterrupt, SystemExit) as wrong:
            return record.ended(bench.so_far(), wrong)
    record.complete()
    print(text(result) if given.json else table.page(result), end="")
    return 0


def _show(file: Path) -> int:
    try:
        result = json.loads(file.read_text())
    except (OSError, ValueError) as wrong:
        print(f"{file} is no JSON of a run: {wrong}.", file=sys.stderr)
        return 1
    print(table.page(result), end="")
    return 0


def _keep(result: dict[str, Any], given: argparse.Namespace) -> None:
    if given.into:
        given.into.mkdir(parents=True, exist_ok=True)
        write_atomically(given.into / RESULT.name, text(result))
        _write(result, given.into / PAGE.name, given.into / PLOT.name)
    elif not given.only and not given.smoke:  # a part of the variants is no replacement for the page
        write_atomically(RESULT, text(result))
        _write(read_result(), PAGE, PLOT)


def read_result() -> dict[str, Any]:
    """What the page is made of: the last run, and beside it what benchmarks/collector_cost.py and freshness.py have kept."""
    result: dict[str, Any] = json.loads(RESULT.read_text())
    for key in BESIDE:
        file = RESULT.with_name(f"{key}.json")
        if file.exists():
            result[key] = json.loads(file.read_text())
    return result


def _write(result: dict[str, Any], page: Path, picture: Path) -> None:
    page.write_text(table.page(result))
    picture.parent.mkdir(parents=True, exist_ok=True)
    plot.draw(result, picture)


if __name__ == "__main__":
    sys.exit(main())
