"""What the fault tests saw, kept as JSON, and made into the table of docs/reliability.md: `python -m tests.faults.results`.

A test records its row whether it holds or not. The file (FAULTS_RESULTS, by default .faults/results.json in the checkout) keeps
the last row of each fault, so that a test that ran alone replaces its own.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vitals.checkout import ROOT

Figure = float | int | str
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: -->", "<!-- end of faults -->"


@dataclass
class Row:
    """One fault: what must be shown, what was seen in words, the figures behind it, and whether it held."""

    fault: str
    must_show: str
    seen: str = ""
    figures: dict[str, Figure] = field(default_factory=dict)
    held: bool = False
    on: str = ""

    def text(self) -> str:
        """The row as a test prints it."""
        figures = "".join(f"\n  {name}: {value}" for name, value in self.figures.items())
        return f"{self.fault}: {'held' if self.held else 'DID NOT HOLD'}\n  {self.seen or 'ended before it was seen'}{figures}"


def results_file() -> Path:
    """Where rows are kept."""
    return Path(os.environ.get("FAULTS_RESULTS") or ROOT / ".faults" / "results.json")


def rows(file: Path | None = None) -> list[Row]:
    """The rows of the faults that were tried, each its last, in the order in which they were first tried."""
    kept = file or results_file()
    return [Row(**one) for one in json.loads(kept.read_text())] if kept.exists() else []


def record(*, fault: str, must_show: str, seen: str, figures: Mapping[str, Figure], held: bool, file: Path | None = None) -> Row:
    """Keep a row in place of the fault's earlier one."""
    kept = file or results_file()
    row = Row(fault, must_show, seen, dict(figures), held, datetime.datetime.now(datetime.UTC).date().isoformat())
    known = {one.fault: one for one in rows(kept)}
    known[fault] = row
    kept.parent.mkdir(parents=True, exist_ok=True)
    written = kept.with_suffix(".new")
    written.write_text(json.dumps([asdict(one) for one in known.values()], indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    written.replace(kept)
    return row


@contextmanager
def recording(fault: str, must_show: str, show: Callable[[str], object], file: Path | None = None) -> Iterator[Row]:
    """A row that a test fills while the block runs; it held if the block ended without an error. `show` gets its text."""
    row = Row(fault, must_show)
    try:
        yield row
        row.held = True
    finally:
        record(fault=fault, must_show=must_show, seen=row.seen, figures=row.figures, held=row.held, file=file)
        show(row.text())


def table(all_rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| Fault | Must show | Seen | Held |", "|---|---|---|---|"]
    for row in all_rows:
        cells = (row.fault, row.must_show, row.seen, f"{'yes' if row.held else '**no**'}, {row.on}")
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def write(document: Path = DOCUMENT, file: Path | None = None) -> None:
    """Put the table between the marks of the document, and the rows with all their figures beside it as JSON.

    Raises ValueError with a sentence where there are no results, or no marks.
    """
    found = rows(file)
    if not found:
        raise ValueError(f"There are no results in {file or results_file()}: `make test-faults` makes them.")
    text = document.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no {BEGIN} … {END} to put the table between.")
    document.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}")
    document.with_suffix(".json").write_text(
        json.dumps([asdict(row) for row in found], indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )


if __name__ == "__main__":
    try:
        write()
    except (ValueError, OSError) as wrong:
        sys.exit(str(wrong))
