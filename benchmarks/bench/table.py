"""The page docs/performance.md, from the JSON alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench.figures import Result, added_cpu, cell, median_of, percentile_ms, ratio, ready_seconds, resident_mb
from benchmarks.bench.models import WORKLOADS
from benchmarks.bench.targets import TARGETS, reasons
from benchmarks.bench.variants import VARIANTS

_KINDS = {
    "whole": "A whole run",
    "quick": "A quick run, with one round of each load; single figures vary by a quarter",
    "smoke": "A run of a few seconds that only shows that the benchmark works",
}
_NONE = "–"
BUSY_PERCENT = 10
"""From here on a run is said to be rough."""

_ABOUT = Path(__file__).with_name("about.md")


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    if value is None:
        return _NONE
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def rows(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    all_lines = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in all_lines)


def page(result: Result) -> str:
    """The whole page."""
    parts = ["# Performance", _about(result), "![Requests a second, by variant](images/performance.svg)"]
    parts += ["## Targets", _targets(result)]
    for workload, what in WORKLOADS.items():
        amounts = _amounts(result, workload, "closed")
        if amounts:
            parts += [f"## {workload}: {what}", _closed(result, workload, amounts)]
        rates = _amounts(result, workload, "open")
        if rates:
            parts.append(_open(result, workload, rates))
    parts += ["## Memory and start", _starts(result)]
    parts += [text for text in (_not_counted(result), _collector(result), _freshness(result)) if text]
    return "\n\n".join(parts) + "\n"


def _about(result: Result) -> str:
    values = {
        **result["machine"],
        "command": result["command"],
        "kind": _KINDS[result["plan"]],
        "minutes": f"{result['seconds'] / 60:.0f}",
        "made_at": result["made_at"],
        "noise": _noise(result),
        "versions": ", ".join(f"{name} {version}" for name, version in result["versions"].items()),
    }
    text = _ABOUT.read_text().strip().format(**values)
    if "unfinished" in result:
        text += f"\n\n**This run did not finish: {result['unfinished']}. Figures that are missing below were not measured.**"
    return text + (f"\n\nOnly {', '.join(result['only'])} were measured." if result["only"] else "")


def _noise(result: Result) -> str:
    """What the pair of equals says, and a warning where the machine did other work."""
    amounts = _amounts(result, "iris", "closed")
    pairs = {amount: ratio(result, "plain-again", amount) for amount in amounts}
    said = ", ".join(f"{number(value)} at {amount}" for amount, value in pairs.items() if value is not None)
    text = f"\n\nNoise: the same application ran twice. Ratio of the second to the first, by connections: {said}." if said else ""
    more = added_cpu(result, "plain-again", "no-op")
    text += f" With a model that does nothing, {number(more)} µs of CPU time more per request." if more is not None else ""
    if float(result["machine"]["busy_before"].split("%")[0]) > BUSY_PERCENT:
        text += "\n\n**The machine did other work at the same time. The figures show that everything is counted, not its cost.**"
    return text


def _targets(result: Result) -> str:
    why = reasons()
    lines, missed = [], []
    for target in TARGETS:
        value = target.measured(result)
        verdict = target.verdict(value)
        measured = (
            f"{number(value)}{'' if target.unit == '×' else target.unit}{target.beside(result)}" if value is not None else _NONE
        )
        lines.append([target.what, target.before, target.to_reach, measured, verdict])
        if verdict == "missed":
            missed.append(f"- {target.what}: {why.get(target.key, 'no reason is known yet.')}")
    text = rows(["", "before", "target (within noise from)", "measured", ""], lines)
    return text + ("\n\nWhy these targets were missed:\n\n" + "\n".join(missed) if missed else "")


def _amounts(result: Result, workload: str, kind: str) -> list[int]:
    return sorted({one["amount"] for one in result["cells"] if one["workload"] == workload and one["kind"] == kind})


def _names(result: Result, workload: str) -> list[str]:
    present = {one["variant"] for one in result["cells"] if one["workload"] == workload}
    return [name for name in VARIANTS if name in present]


def _closed(result: Result, workload: str, amounts: list[int]) -> str:
    head = [""]
    for amount in amounts:
        head += [f"{amount} connection{'s' if amount > 1 else ''}: /s", "ratio", "p99 ms", "CPU µs"]
    lines = []
    for name in _names(result, workload):
        line = [VARIANTS[name].title]
        for amount in amounts:
            found = cell(result, name, workload, "closed", amount)
            if not found or found["refused"]:
                line += [_NONE] * 4
                continue
            line += [number(median_of(found, "rate")), number(ratio(result, name, amount, workload=workload))]
            line += [_tail(found), number(median_of(found, "cpu_us"))]
        lines.append(line)
    return rows(head, lines)


def _tail(found: dict[str, Any]) -> str:
    further = percentile_ms(found, "p999")
    return number(percentile_ms(found, "p99")) + (f" (p99.9 {number(further)})" if further is not None else "")


def _open(result: Result, workload: str, rates: list[int]) -> str:
    head = [""]
    for rate in rates:
        head += [f"{rate}/s: p50 ms", "p99 ms", "CPU µs"]
    lines, late = [], [0.0]
    for name in _names(result, workload):
        line = [VARIANTS[name].title]
        for rate in rates:
            found = cell(result, name, workload, "open", rate)
            if not found or found["refused"]:
                line += [_NONE] * 3
                continue
            late += [one["late_p99"] for one in found["rounds"] if "late_p99" in one]
            line += [number(percentile_ms(found, "p50")), _tail(found), number(median_of(found, "cpu_us"))]
        lines.append(line)
    about = "Open loop: requests leave at fixed times, and latencies count from those times. They include the load's own lateness"
    return f"{about}: p99 at most {number(max(late))} ms, in the worst round.\n\n{rows(head, lines)}"


def _starts(result: Result) -> str:
    lines = []
    for name, variant in VARIANTS.items():
        ready = ready_seconds(result, name)
        if ready is not None:
            lines.append([variant.title, number(resident_mb(result, name)), number(ready)])
    return rows(["", "resident MB, warm", "seconds until ready"], lines)


def _not_counted(result: Result) -> str:
    lines = [
        f"- {VARIANTS[name].title}: {one[key]}"
        for name, one in result["variants"].items()
        for key in ("skipped", "failed")
        if key in one
    ]
    for one in result["cells"]:
        if one["refused"]:
            amount = f"{one['amount']}/s" if one["kind"] == "open" else f"{one['amount']} connections"
            lines.append(f"- {VARIANTS[one['variant']].title}, {one['workload']}, {amount}: {one['refused']}")
    return "\n\n".join(["## Figures that don't count, and why", "\n".join(lines)]) if lines else ""


def _collector(result: Result) -> str:
    found = result.get("collector")
    if not found:
        return ""
    lines = [[one["what"], number(one["ms"])] for one in found["parts"]]
    about = f"`{found['command']}`: CPU time of the Collector for the telemetry of 1,000 requests. {found['about']}"
    return "\n\n".join(["## The Collector", about, rows(["", "CPU ms for 1,000 requests"], lines), *found["notes"]])


def _freshness(result: Result) -> str:
    found = result.get("freshness")
    if not found:
        return ""
    runs = ", ".join(f"{one:.2f} s" for one in found["p99"])
    about = f"`{found['command']}`: p99 at {found['rate']}/s, {found['machine']}"
    return f"## From the answer to searchable\n\n{about}: median {found['p99_median']:.2f} s of {runs}."
