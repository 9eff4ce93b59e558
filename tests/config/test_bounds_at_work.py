"""What the real Collector cuts of an item, and what it leaves whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vitals.api.prediction_service import MOST_LOGGED_BYTES
from vitals.settings.stack import StackSettings

from .test_collector_at_work import as_dict, attributes, logs, records_in

ROWS = "ml.prediction.features"


@pytest.fixture
def passed(run_collector: Callable[..., Any], wait_for: Callable[..., Any]) -> Any:
    """Send log records; gives them as a backend would get them."""
    with run_collector(StackSettings.load(metrics_backend="none"), ["logs/elasticsearch"]) as collector:

        def through(*records: dict[str, Any]) -> list[dict[str, Any]]:
            collector.send("logs", logs(*records))
            found: list[dict[str, Any]] = wait_for(
                lambda: (got := records_in(collector.got("logs/elasticsearch")))[len(records) - 1 :] and got
            )
            return found

        yield through


def test_the_rows_that_the_service_writes_are_never_cut(passed: Any) -> None:
    rows = ('[{"petal_width":0.2}' + ',{"petal_width":0.2}' * MOST_LOGGED_BYTES)[: MOST_LOGGED_BYTES - 1] + "]"
    [record] = passed({"body": {"stringValue": "predicted"}, "attributes": attributes(**{ROWS: rows})})
    found = as_dict(record["attributes"])
    assert found[ROWS] == rows
    assert "vitals.cut.values_size" not in found


@pytest.mark.slow
@pytest.mark.parametrize("before", range(-12, 1, 4))
def test_a_secret_that_the_bound_cuts_in_two_is_masked(passed: Any, before: int) -> None:
    text = "x" * (65_536 + before) + " password=hunter2hunter2 card 4111-1111-1111-1111 " + "y" * 200_000
    [record] = passed({"body": {"stringValue": text}, "attributes": attributes(large=text)})
    found = as_dict(record["attributes"])
    for kept in (record["body"]["stringValue"], found["large"]):
        assert len(kept) <= 65_536
        assert "hunt" not in kept
        assert "4111" not in kept
    assert int(found["vitals.cut.body_size"]) == len(text)
    assert int(found["vitals.cut.values_size"]) > len(text)


def test_what_is_nested_too_deep_becomes_text_and_the_rest_stays(passed: Any) -> None:
    def nested(depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {"stringValue": "leaf"}
        for _ in range(depth):
            found = {"kvlistValue": {"values": [{"key": "first", "value": {"kvlistValue": {}}}, {"key": "k", "value": found}]}}
        return found

    deep, shallow = ({"attributes": [{"key": "tree", "value": nested(depth)}], "body": nested(depth)} for depth in (60, 5))
    first, second = passed(deep, shallow)
    assert '"leaf"' in as_dict(first["attributes"])["tree"]
    assert '"leaf"' in first["body"]["stringValue"]
    assert (second["attributes"][0], second["body"]) == (shallow["attributes"][0], shallow["body"])
