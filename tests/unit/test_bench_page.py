"""The page is what its JSON says; what does not count is no figure in it."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench import __main__ as bench
from benchmarks.bench import figures, machine, plot, table, targets
from vitals.checkout import ROOT


def cell(variant: str, rates: list[float], refused: str = "", **more: Any) -> dict[str, Any]:
    rounds = [{"rate": rate, "p50": 1.0, "p99": 2.0, "p999": 3.0, "cpu_us": 1e6 / rate} for rate in rates]
    about = {"variant": variant, "workload": "iris", "kind": "closed", "amount": 16, "answered": 1000, "refused": refused}
    return {**about, "spans": 0, "logs": 0, "of_all_loads": {}, "rounds": rounds, **more}


def tail(variant: str, p99: float) -> dict[str, Any]:
    latency = {"p50": 1.0, "p99": p99, "p999": 9.0}
    return cell(variant, [200.0]) | {"kind": "open", "amount": 200, "latency_ms": latency, "rounds": [{"cpu_us": 500.0}]}


@pytest.fixture
def result() -> dict[str, Any]:
    return {
        "made_at": "2026-01-01T00:00:00+00:00",
        "command": "make bench",
        "plan": "quick",
        "only": [],
        "seconds": 60,
        "machine": {"processor": "P", "cores": "2", "memory": "4 GB", "system": "S", "busy_before": "2%"},
        "versions": {"Python": "3.11"},
        "variants": {
            "ours": {"resident_mb": 140.0, "ready_seconds": [1.0, 3.0, 1.2]},
            "bentoml": {"skipped": "bentoml can't be had"},
        },
        "lone_us": 140.0,
        "lone_add_us": 4.44,
        "cells": [
            cell("plain", [1000, 2000, 1000]),
            cell("ours", [2000, 3000, 1900]),
            cell("plain", [1000, 2000, 1000], workload="no-op"),
            cell("plain-again", [1000, 2500, 1000], workload="no-op"),
            cell("instrument", [800, 1600, 800], workload="no-op"),
            cell("instrument", [500, 500, 500]),
            cell("contrib", [500], "9 spans for 10"),
            tail("ours", 4.0),
            tail("ours-off", 2.0),
        ],
    }


def test_ratios_are_paired_by_round(result: dict[str, Any]) -> None:
    assert figures.ratio(result, "ours", 16) == 1.9  # of 2, 1.5 and 1.9; the medians of the rates would give 2
    assert figures.added_cpu(result, "instrument", "no-op") == pytest.approx(250)
    assert figures.added_cpu(result, "instrument", "iris") == pytest.approx(1000)
    assert figures.added_cpu(result, "contrib", "no-op") is None
    assert figures.ready_seconds(result, "ours") == 1.2


def test_what_the_sink_did_not_confirm_is_no_figure(result: dict[str, Any]) -> None:
    assert figures.ratio(result, "contrib", 16) is None
    page = table.page(result)
    assert "| plain + contrib, its defaults | – |" in page  # noqa: RUF001
    assert "plain + contrib, its defaults, iris, 16 connections: 9 spans for 10" in page
    assert "BentoML: bentoml can't be had" in page


def test_far_percentiles_need_many_requests(result: dict[str, Any]) -> None:
    few, many = result["cells"][0], copy.deepcopy(result["cells"][0]) | {"answered": 50_000}
    assert figures.percentile_ms(few, "p999") is None
    assert figures.percentile_ms(many, "p999") == 3


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("plain-16", 2.0, "reached"),
        ("plain-16", 1.85, "reached, within the noise"),
        ("plain-16", 1.79, "missed"),
        ("plain-16", None, "not measured"),
        ("instrument", 25.0, "reached"),
        ("instrument", 25.1, "missed"),
    ],
)
def test_a_target_says_whether_it_is_reached(key: str, value: float | None, verdict: str) -> None:
    [target] = [one for one in targets.TARGETS if one.key == key]
    assert target.verdict(value) == verdict


def test_each_missed_target_has_its_reason(result: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "reasons", lambda: {"instrument": "For reasons."})
    page = table.page(result)
    assert "16 connections | 0.64 | ≥ 2 (1.8) | 1.90 | reached, within the noise |" in page
    of = "(no-op, 16 connections, paired by round)"
    assert f"- what `instrument()` adds to a plain application, CPU time per request {of}: For reasons." in page
    assert "with telemetry off | – | ≤ 1 ms | 1.60 ms | missed |" in page  # noqa: RUF001


def test_a_lone_request_stands_beside_the_clock_that_it_was_measured_at(result: dict[str, Any]) -> None:
    assert "| ≤ 150 µs | 140 µs (one `add` of the SDK's counter: 4.4 µs) | reached |" in table.page(result)
    del result["lone_add_us"]
    assert "| ≤ 150 µs | 140 µs | reached |" in table.page(result)


def test_a_run_beside_other_work_says_so(result: dict[str, Any]) -> None:
    assert "did other work" not in table.page(result)
    result["machine"]["busy_before"] = "60%"
    assert "did other work" in table.page(result)


def test_the_pair_of_equals_shows_the_noise(result: dict[str, Any]) -> None:
    result["cells"].append(cell("plain-again", [1100, 2000, 900]))
    assert "Ratio of the second to the first, by connections: 1.00 at 16. With a model that does nothing, 0.00 µs" in table.page(
        result
    )


def test_reasons_are_of_targets() -> None:
    assert set(targets.reasons()) <= {one.key for one in targets.TARGETS}
    assert len({one.key for one in targets.TARGETS}) == len(targets.TARGETS)


def test_the_plot_is_small_and_the_same_each_time(result: dict[str, Any], tmp_path: Path) -> None:
    for name in ("a", "b"):
        plot.draw(result, tmp_path / name)
    drawn = (tmp_path / "a").read_text()
    assert drawn == (tmp_path / "b").read_text()
    assert "<svg" in drawn
    assert len(drawn) < 100_000


def test_the_page_in_docs_is_what_its_json_says(tmp_path: Path) -> None:
    kept = bench.read_result()
    assert table.page(kept) == bench.PAGE.read_text(), "write it anew: python -m benchmarks.bench --page"
    assert bench.PLOT.exists()
    assert str(Path.home()) not in bench.PAGE.read_text() + bench.RESULT.read_text()


def test_what_is_missing_is_said_in_sentences(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda _: None)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {0})
    assert bench.main(["--quick"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(line.endswith(".") for line in said)


@pytest.mark.slow
@pytest.mark.skipif(bool(machine.missing()), reason=" ".join(machine.missing()))
def test_a_run_of_a_few_seconds_counts_what_it_answers(tmp_path: Path) -> None:
    """The benchmark itself, for one variant and the baseline."""
    command = [sys.executable, "-m", "benchmarks.bench", "--smoke", "--only", "instrument", "--json", "--into", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    cells = {(one["variant"], one["kind"]): one for one in found["cells"]}
    assert cells.keys() == {(name, kind) for name in ("plain", "instrument") for kind in ("closed", "open")}
    assert {one["refused"] for one in cells.values()} == {""}
    assert cells["instrument", "open"]["spans"] == 50
    assert cells["instrument", "closed"]["spans"] == cells["instrument", "closed"]["answered"] > 0
    assert (tmp_path / "performance.md").exists()
    assert "left]" in ran.stderr
    shutil.rmtree(tmp_path)
