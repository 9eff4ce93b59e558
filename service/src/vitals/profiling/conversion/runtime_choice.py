"""Which runtime answers, scikit-learn or ONNX Runtime: found out by asking both, and by timing both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from vitals.bundle.schema import Feature
from vitals.errors import first_line
from vitals.estimators.estimator import Estimator
from vitals.model.artefact import open_artefact
from vitals.model.served import Answering
from vitals.model_io.inputs import Container, Row
from vitals.model_io.output import ModelOutput
from vitals.profiling.conversion.comparison import TOLERANCE_ONNX, Difference, Expected, compare, joined
from vitals.profiling.conversion.onnx_conversion import Converted, NotConvertible, conversions
from vitals.profiling.conversion.probe_rows import probe_rows

Runtime = Literal["sklearn", "onnx"]

_MUCH_QUICKER = 0.8
"""Below this share of scikit-learn's time for one row a graph is chosen."""

_ROWS = (1, 64)
_PART = 500
"""Rows that the estimator is asked for in one call."""

_ROUNDS, _ROUND_SECONDS = 5, 0.02


@dataclass(frozen=True)
class Choice:
    """What answers, and why; the graph that was made, whether it is chosen or not, and what its comparison found."""

    runtime: Runtime
    why: str
    converted: Converted | None = None
    difference: Difference | None = None
    graph: Answering | None = None
    between: int = 0
    microseconds: dict[str, float] = field(default_factory=dict)


def choose_runtime(
    estimator: Estimator,
    answering: Answering,
    features: Sequence[Feature],
    classes: Sequence[str],
    container: Container,
    expected: Expected,
    reference: Sequence[Row],
    scratch: Path,
    *,
    wanted: Runtime | None = None,
) -> Choice:
    """Convert the estimator, hold the graph to the estimator's answers, time both, choose.

    `answering` is the estimator as it would be served; `expected` its right answers; rows between and beyond `reference`'s values
    are asked for besides. `scratch`: a folder for the graph. wanted: the runtime that the user named.
    """
    if wanted == "sklearn":
        return Choice("sklearn", "asked for with --runtime sklearn")
    between = _answered(answering, probe_rows(estimator.estimator, features, reference))
    if between.rows:
        expected = expected + between
    reason = ""
    try:
        for converted in conversions(estimator.estimator, features, container):
            path = scratch / "converted.onnx"
            path.write_bytes(converted.graph)
            try:
                graph = Answering(open_artefact(path), features, classes)
                graph.ask(expected.rows[:1])
            except Exception as wrong:  # whatever ONNX Runtime raises for a graph that it can't load or run
                reason = reason or f"its ONNX graph can't be run ({type(wrong).__name__}: {first_line(wrong)[:200]})"
                continue
            found = compare(graph.indexed, expected, tolerance=TOLERANCE_ONNX)
            if found.failed:
                reason = reason or f"its ONNX graph can't answer some rows that the model answers ({found.failed})"
                continue
            if found.different:
                reason = reason or (
                    f"as an ONNX graph it answers {found.different:,} of {len(expected.rows):,} rows differently "
                    f"({found.classes_different:,} with another class)"
                )
                continue
            return _quicker(answering, graph, reference, converted, found, len(between.rows), wanted)
    except NotConvertible as wrong:
        reason = reason or str(wrong)
    return Choice("sklearn", reason or "there is no ONNX graph of it")


def _answered(answering: Answering, rows: Sequence[Row]) -> Expected:
    """Those of `rows` that the estimator answers with finite numbers, and its answers."""
    kept: list[Row] = []
    outputs = []
    for first in range(0, len(rows), _PART):
        for some in _bisected(answering, rows[first : first + _PART]):
            output = answering.indexed(some)
            whole = output.values if output.values is not None else output.probabilities
            assert whole is not None  # noqa: S101 - of one of the two tasks
            if np.isfinite(whole).all():
                kept += some
                outputs.append(output)
    return Expected(kept, joined(outputs)) if outputs else Expected([], ModelOutput())


def _bisected(answering: Answering, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Parts of `rows` that the estimator answers with finite numbers, found by halves; the rows between are left out."""
    try:
        answering.predict(rows)
    except Exception:  # whatever a step raises for numbers that it was not made for
        if len(rows) > 1:
            yield from _bisected(answering, rows[: len(rows) // 2])
            yield from _bisected(answering, rows[len(rows) // 2 :])
        return
    yield rows


def _quicker(
    answering: Answering,
    graph: Answering,
    rows: Sequence[Row],
    converted: Converted,
    found: Difference,
    between: int,
    wanted: Runtime | None,
) -> Choice:
    took = _times({"sklearn": answering.predict, "onnx": graph.predict}, rows)
    one = [took[f"{name}, 1 row"] for name in ("sklearn", "onnx")]
    times = f"one row takes {one[1]:.0f} µs by ONNX Runtime and {one[0]:.0f} µs by scikit-learn"
    if wanted == "onnx":
        return Choice("onnx", f"asked for with --runtime onnx; {times}", converted, found, graph, between, took)
    runtime: Runtime = "onnx" if one[1] < _MUCH_QUICKER * one[0] else "sklearn"
    return Choice(runtime, times, converted, found, graph, between, took)


def _times(by_name: dict[str, Callable[[Sequence[Row]], object]], rows: Sequence[Row]) -> dict[str, float]:
    """Microseconds of a call, the median of rounds in turn, by name and rows."""
    took: dict[str, list[float]] = {}
    for size in _ROWS:
        some = [rows[index % len(rows)] for index in range(size)]
        for _ in range(_ROUNDS):
            for name, ask in by_name.items():
                calls, start = 0, time.perf_counter()
                while (spent := time.perf_counter() - start) < _ROUND_SECONDS:
                    ask(some)
                    calls += 1
                took.setdefault(f"{name}, {size} row{'s' if size > 1 else ''}", []).append(spent / calls * 1e6)
    return {name: round(statistics.median(found), 1) for name, found in took.items()}
