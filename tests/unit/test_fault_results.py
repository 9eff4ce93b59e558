"""The fault tests' own tools: the table they write, what their accountant calls a balance, the quantile of their load."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from ..faults.ledger import Account, Balance, Totals
from ..faults.load import Answer, quantile
from ..faults.results import BEGIN, END, record, recording, rows, table, write


def test_the_last_row_of_a_fault_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    for held in (False, True):
        record(fault="a", must_show="0 lost", seen="b | c", figures={"lost": 0}, held=held, file=file)
    record(fault="other", must_show="x", seen="y", figures={}, held=False, file=file)
    document = tmp_path / "reliability.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(document, file)
    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| Fault")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "| a | 0 lost | b \\| c | yes, " in text
    assert "| other | x | y | **no**, " in text
    assert [one["fault"] for one in json.loads((tmp_path / "reliability.json").read_text())] == ["a", "other"]


def test_without_results_or_marks_nothing_is_written(tmp_path: Path) -> None:
    document = tmp_path / "reliability.md"
    document.write_text("no marks")
    with pytest.raises(ValueError, match="no results"):
        write(document, tmp_path / "none.json")
    record(fault="a", must_show="", seen="", figures={}, held=True, file=tmp_path / "r.json")
    with pytest.raises(ValueError, match="to put the table between"):
        write(document, tmp_path / "r.json")
    assert document.read_text() == "no marks"


def test_a_test_that_fails_has_a_row_that_did_not_hold(tmp_path: Path) -> None:
    shown: list[str] = []
    file = tmp_path / "r.json"

    def a_test() -> None:
        with recording("a", "0 lost", shown.append, file) as row:
            row.figures["lost"] = 3
            pytest.fail("three were lost")

    with pytest.raises(pytest.fail.Exception):
        a_test()
    [kept] = rows(file)
    assert (kept.held, kept.figures) == (False, {"lost": 3})
    assert "DID NOT HOLD" in shown[0]
    assert "**no**" in table([kept])


@pytest.mark.parametrize(
    ("stored", "dropped", "holds"),
    [
        ({"elasticsearch": 100}, {}, True),
        ({"elasticsearch": 99}, {}, False),  # a loss that nobody counted
        ({"elasticsearch": 101}, {}, False),
        ({"elasticsearch": 90}, {"queue_full": 10}, True),
        ({"elasticsearch": 95}, {"queue_full": 10}, False),  # counted and there all the same
        ({"elasticsearch": 90}, {"backend_queue_full": 10}, True),
        ({"elasticsearch": 91}, {"backend_queue_full": 10}, False),
        ({"elasticsearch": 90, "jaeger": 100}, {"backend_queue_full": 10}, True),  # one queue was full
        ({"elasticsearch": 95, "jaeger": 95}, {"backend_queue_full": 10}, True),
        ({"elasticsearch": 95, "jaeger": 99}, {"backend_queue_full": 10}, False),
        ({"elasticsearch": 85, "jaeger": 95}, {"backend_queue_full": 10, "queue_full": 5}, True),
        ({"elasticsearch": 89, "jaeger": 95}, {"backend_queue_full": 10}, False),
    ],
)
def test_emitted_is_stored_plus_counted_drops(stored: dict[str, int], dropped: dict[str, int], holds: bool) -> None:
    assert Totals("span", 100, stored, dropped).holds is holds


def test_a_loss_in_one_store_is_not_hidden_by_what_another_refused() -> None:
    totals = Totals("span", 100, {"elasticsearch": 90, "jaeger": 96}, {"backend_queue_full": 10, "queue_full": 0})
    assert totals.holds, "whose queue refused what, the counter does not say"
    assert (totals.lacking("elasticsearch"), totals.lacking("jaeger")) == (10, 4)


def test_a_balance_is_complete_only_without_loss_and_duplicates() -> None:
    totals = (Totals("span", 2, {"jaeger": 2}, {}),)
    assert Balance((Account("jaeger", 2, 2, 0),), totals).complete
    assert not Balance((Account("jaeger", 2, 1, 0, ("a",)),), totals).complete
    assert not Balance((Account("jaeger", 2, 2, 1),), totals).complete
    assert not Balance((Account("jaeger", 2, 2, 1),), totals).holds
    dropped = Balance((Account("jaeger", 2, 1, 0, ("a",)),), (Totals("span", 2, {"jaeger": 1}, {"queue_full": 1}),))
    assert dropped.holds
    assert not dropped.complete
    assert (dropped.dropped_in_words, dropped.dropped_figures) == ("1 spans (queue_full)", {"dropped_span/queue_full": 1})
    assert not Balance((Account("prometheus counter", 2, 1, 0),), totals).holds, "a counter has no drops"


@pytest.mark.parametrize(("stored", "lost"), [(9, 1), (10, 0), (12, 0), (13, -3)])
def test_a_counter_may_have_what_was_not_answered(stored: int, lost: int) -> None:
    assert Account("prometheus counter", 10, stored, 0, in_doubt=2).lost == lost


def test_a_request_without_an_answer_took_for_ever() -> None:
    latencies = [Answer(0, 0.01, 200, "a", "b").seconds] * 98 + [Answer(0, None, None, None, None).seconds] * 2
    assert quantile(latencies, 0.98) == 0.01
    assert quantile(latencies, 0.99) == math.inf
    assert quantile([3, 1, 2], 0.5) == 2
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)
