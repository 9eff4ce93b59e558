"""The cells of the JSON: the finished turns of a variant under a load, held against what arrived at the sink."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bench import counting
from benchmarks.bench.plan import Load
from benchmarks.bench.processes import Server
from benchmarks.bench.variants import VARIANTS


@dataclass
class Turn:
    """One turn of one variant: what the load saw, the processor time, and the stretch of time that it took."""

    load: Load
    answered: int
    figures: dict[str, float]
    latencies: list[int]
    wrong: int
    begin: int
    end: int


@dataclass
class Run:
    """One variant under one workload."""

    server: Server
    body: Path
    answered: int = 0
    turns: list[Turn] = field(default_factory=list)
    failed: str = ""
    cut_off: bool = False
    """The run ended within a turn of this variant: the sink has requests of it that no turn has."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def cells_of(name: str, workload: str, run: Run, arrived: counting.Arrived) -> list[dict[str, Any]]:
    """One cell of the JSON for each load: its rounds, and why it doesn't count where what arrived is not what was answered."""
    counts = {"answered": run.answered, "requests": arrived.requests}
    cells = []
    for load in dict.fromkeys(turn.load for turn in run.turns):
        turns = [turn for turn in run.turns if turn.load == load]
        found = [arrived.within(turn.begin, turn.end) for turn in turns]
        answered, spans, logs = sum(turn.answered for turn in turns), sum(one for one, _ in found), sum(one for _, one in found)
        wrong = sum(turn.wrong for turn in turns)
        refused = f"{wrong:,} requests failed" if wrong else run.failed
        refused = refused or _refused_as_a_whole(name, run, arrived)
        refused = refused or counting.refusal(VARIANTS[name].expects, answered, spans=spans, logs=logs, requests=None)
        cell = {"variant": name, "workload": workload, "kind": load.kind, "amount": load.amount, "answered": answered}
        cell |= {"spans": spans, "logs": logs, "of_all_loads": counts, "refused": refused}
        cell["rounds"] = [{key: round(value, 4) for key, value in turn.figures.items()} for turn in turns]
        pooled = [one / 1000 for turn in turns for one in turn.latencies]
        if pooled:
            cell["latency_ms"] = {f"p{str(share).replace('.', '')}": percentile(pooled, share) for share in (50, 99, 99.9)}
        cells.append(cell)
    return cells


def _refused_as_a_whole(name: str, run: Run, arrived: counting.Arrived) -> str:
    """What is known of all loads together: the counted requests, and what a variant sends that should send nothing."""
    expects = VARIANTS[name].expects
    requests = min(arrived.requests, run.answered) if run.cut_off else arrived.requests
    spans = run.answered if expects.spans else len(arrived.spans)
    logs = run.answered if expects.logs else len(arrived.logs)
    return counting.refusal(expects, run.answered, spans=spans, logs=logs, requests=requests)
