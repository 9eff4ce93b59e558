"""A figure that several pages state comes from one source: a file of measurements, or the page that the command prints into."""

from __future__ import annotations

import json
import re
from statistics import median
from typing import Any

import pytest

from vitals.checkout import ROOT

DOCS = ROOT / "docs"


def _page(name: str) -> str:
    return (DOCS / name).read_text()


def _row(page: str, begin: str) -> str:
    [row] = [line for line in _page(page).splitlines() if line.startswith(f"| {begin}")]
    return row


def _faults() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DOCS / "reliability.json").read_text())
    return found


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def test_the_hour_is_that_of_the_fault_suite() -> None:
    [soak] = [fault["seen"] for fault in _faults() if fault["fault"].startswith("Soak of 60 minutes")]
    row = _row("measured.md", "an hour at half")
    for stated, measured in (
        (r"([\d,]+) requests a second", r"([\d,]+) requests/s of"),
        (r"([\d,]+) of [\d,]+ requests in every store", r"([\d,]+) answered"),
        (r"the service \+([\d.]+) MB/h", r"memory of the service [^,]*, \+([\d.]+) MB/h"),
        (r"\((\d+) connections", r"\((\d+) connections\)"),
        (r"the Collector \+([\d.]+) MB/h", r"of the Collector [^,]*, \+([\d.]+) MB/h"),
        (r"freshness p50 ([\d.]+) s", r"freshness p50 ([\d.]+) s"),
        (r"p99 ([\d.]+) s \|", r"p99 ([\d.]+) s$"),
    ):
        [said], [seen] = re.findall(stated, row), re.findall(measured, soak)
        assert _numbers(said) == _numbers(seen), stated


def test_the_tails_during_faults_are_those_of_the_fault_suite() -> None:
    away = [fault for fault in _faults() if re.search("away for (120 s|2 minutes|60 s)|frozen", fault["fault"])]
    ratios = [fault["figures"]["p99_ratio"] for fault in away if "p99_ratio" in fault["figures"]]
    [stated] = re.findall(r"is ([\d.]+ to [\d.]+) times the p99 without", _page("measured.md"))
    assert _numbers(stated) == [min(ratios), max(ratios)]


def test_the_series_that_grow_are_those_of_the_fault_suite() -> None:
    [seen] = [fault["seen"] for fault in _faults() if "new series a second" in fault["fault"]]
    [megabytes] = re.findall(r"for (\d+) MB of Prometheus's memory", seen)
    [series] = re.findall(r"(\d+) series that were sent once each", seen)
    [stated] = re.findall(r"measured: (.*?) that were sent once each", _page("runbooks/SeriesGrowing.md"))
    assert _numbers(stated) == [float(megabytes), float(series)]


def test_the_pauses_of_the_garbage_collector_are_those_that_its_page_has() -> None:
    page = _page("decisions/garbage-collector.md")
    [ours], [plain] = (re.findall(rf"^{name} +(\S.*)$", page, re.M) for name in ("out of sight", "in sight"))
    row = _row("measured.md", "`/predict` at 380")
    stated = _numbers(row.split("|")[2].replace("p50", "").replace("p99.9", "").replace("p99", ""))
    frozen, without = ([one for place, one in enumerate(_numbers(line)) if place != 3] for line in (ours, plain))
    for place, (ours_now, without_now) in enumerate(zip(frozen, without, strict=True)):
        assert stated[2 * place] == pytest.approx(ours_now, abs=0.5)
        assert stated[2 * place + 1] == pytest.approx(without_now, abs=0.5)


def test_false_alarms_of_a_fixed_limit_are_those_of_the_table() -> None:
    page = _page("model-monitoring.md")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if re.match(r"\| (normal|iris) ", line)
    ]
    at_150 = [row for row in rows if row[4] == "150"]
    few = [float(row[8].rstrip("%")) for row in at_150 if row[1] in ("112", "500")]
    [stated] = re.findall(r"At 150 rows, a fixed 0\.2 has a false alarm in (\d+ to \d+) windows", page)
    assert _numbers(stated) == [round(min(few)), round(max(few))]
    worst = max(float(row[6].split("%")[0]) for row in rows if int(row[4]) >= 150)
    assert worst < 1.05, "about one window in a hundred or fewer"
    moved = [float(row[10].split("%")[0]) for row in rows]
    assert round(min(moved)) == 98


def test_freshness_under_load_is_that_of_its_file() -> None:
    measured = json.loads((DOCS / "performance/freshness.json").read_text())
    assert measured["p99_median"] == median(measured["p99"])
    page = _page("performance.md")
    assert f"median {measured['p99_median']} s of" in page
    assert f"{measured['p99_median']} s | missed" in page or f"{measured['p99_median']} s | reached" in page


@pytest.mark.parametrize(
    "page", ["api.md", "served-model.md", "instrument.md", "measured.md", "telemetry.md", "model-monitoring.md"]
)
def test_figures_beside_other_servers_are_in_one_place(page: str) -> None:
    """README's are held by test_readme.py."""
    text = _page(page)
    assert not re.search(r"(MLServer|BentoML|plain FastAPI)[^.\n]*\d+(\.\d+)? ?(requests/s|times|µs|of its rate)", text)


def test_a_runtime_that_two_pages_time_has_one_time() -> None:
    shown = re.findall(r"one row takes (\d+) µs by ONNX Runtime and (\d+) µs by scikit-learn", _page("served-model.md"))
    decided = re.findall(r"wine (\d+) (?:µs )?against (\d+)", _page("decisions/answers-and-runtime.md"))
    assert shown == decided


def test_the_queue_lasts_as_long_on_every_page() -> None:
    """As long as its bytes hold requests: the decision says how many each takes."""
    [bytes_each] = _numbers(
        re.findall(r"takes about (\d+) bytes of the traces' queue", _page("decisions/collector-queues.md"))[0]
    )
    requests = 2**30 / bytes_each
    [minutes, rate] = _numbers(
        re.findall(r"1 GiB \(metrics 512 MiB\): (\d+ minutes at \d+) requests", _page("reliability.md"))[0]
    )
    [hours, slow] = _numbers(re.findall(r"1 GiB: (\d+ hours at \d+) requests", _page("runbooks/CollectorQueueFilling.md"))[0])
    assert minutes * 60 == pytest.approx(requests / rate, rel=0.06)
    assert hours == round(requests / slow / 3600)
    assert f"{hours:.0f} hours at {slow:.0f} a second, {minutes:.0f} minutes at {rate:.0f} a second" in _page(
        "decisions/collector-queues.md"
    )
