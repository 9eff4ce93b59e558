"""`make bench`: every variant in one run, one table of it as JSON, Markdown and a plot.

    python -m benchmarks.bench [--quick] [--only VARIANT]... [--json] [--into FOLDER]

One core serves, the other has the load and a sink for OTLP. A variant counts only if the sink has the span, the log and the
count of every request that was answered.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.bench import machine, plot, table
from benchmarks.bench.measure import Bench
from benchmarks.bench.plan import PLANS
from benchmarks.bench.progress import Progress
from benchmarks.bench.variants import VARIANTS
from vitals.settings import ROOT

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
    parser.add_argument("--smoke", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write. Returns the exit status: 1 where something is missing, with a sentence for each."""
    given = _given(arguments)
    if given.page:
        _write(read_result(), PAGE, PLOT)
        return 0
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
    progress, begun = Progress(plan.seconds(given.only)), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        found = Bench(plan, given.only, cores, progress, Path(scratch)).measure()
    result = {**about, "seconds": round(time.monotonic() - begun), **found}
    if given.into:
        given.into.mkdir(parents=True, exist_ok=True)
        (given.into / RESULT.name).write_text(_text(result))
        _write(result, given.into / PAGE.name, given.into / PLOT.name)
    elif not given.only and not given.smoke:  # a part of the variants is no replacement for the page
        RESULT.write_text(_text(result))
        _write(read_result(), PAGE, PLOT)
    print(_text(result) if given.json else table.page(result), end="")
    return 0


def read_result() -> dict[str, Any]:
    """What the page is made of: the last run, and beside it what benchmarks/collector_cost.py and freshness.py have kept."""
    result: dict[str, Any] = json.loads(RESULT.read_text())
    for key in BESIDE:
        file = RESULT.with_name(f"{key}.json")
        if file.exists():
            result[key] = json.loads(file.read_text())
    return result


def _text(result: dict[str, Any]) -> str:
    return json.dumps(result, indent=1, ensure_ascii=False) + "\n"


def _write(result: dict[str, Any], page: Path, picture: Path) -> None:
    page.write_text(table.page(result))
    picture.parent.mkdir(parents=True, exist_ok=True)
    plot.draw(result, picture)


if __name__ == "__main__":
    sys.exit(main())
