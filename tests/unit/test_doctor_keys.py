"""What the doctor says of keys that come twice, and of names that become one label."""

from __future__ import annotations

from typing import Any

import pytest

from vitals.backends.collector_metrics import Reading
from vitals.doctor.checks import attribute_keys


def answer(service: str, *sources: dict[str, Any], documents: int = 3) -> dict[str, Any]:
    """Elasticsearch's, of one service."""
    hits = [{"_source": one} for one in sources]
    return {
        "aggregations": {"services": {"buckets": [{"key": service, "doc_count": documents, "newest": {"hits": {"hits": hits}}}]}}
    }


def marked(mark: str, **more: Any) -> dict[str, Any]:
    return {attribute_keys.MARK: mark, **more}


NESTED = '["order","n","items"]'
SAID: dict[str, tuple[dict[str, Any], str]] = {
    "one key": ({"attributes": marked('["a","user","a"]')}, "a"),
    "several": ({"attributes": marked('["a","b","a","b","c"]')}, "a, b"),
    "three times": ({"attributes": marked('["a","a","a"]')}, "a"),
    "with quotes": ({"attributes": marked(r'["say \"a\"","say \"a\""]')}, r"say \"a\""),
    "cut": ({"attributes": marked('["a","a","b')}, "a"),
    "in a map": ({"attributes": marked(NESTED, order={"id": 1}, n=1, items=[{"id": 1}])}, "within order, items"),
    "in a map that is text by now": ({"attributes": marked(NESTED, order="{}")}, "within a map"),
    "in the body": ({"attributes": marked("body", order={"id": 1})}, "in the body of a log record"),
    "of the resource": ({"resource": {"attributes": marked('["a","a"]')}}, "a of its resource"),
    "in a map of the scope": ({"scope": {"attributes": marked(NESTED, m={})}}, "within m of its scope"),
    "of an event": ({"attributes": marked('event ["a","a"]')}, "a of a span's event"),
    "in a map of an event": ({"attributes": marked(f"event {NESTED}", of_the_span={})}, "within a map of a span's event"),
    "here and there": (
        {"attributes": marked('["a","a"]'), "resource": {"attributes": marked('["b","b"]')}},
        "a, b of its resource",
    ),
    "a client's own": ({"attributes": marked("nonsense")}, "which one is not known"),
    "steering a terminal": ({"attributes": marked(NESTED, **{"\x1b[2J": {}})}, "within ?[2J"),
    "long": ({"attributes": marked(f'["{"k" * 200}","{"k" * 200}"]')}, "k" * 59 + "…"),
}


@pytest.mark.parametrize("case", SAID)
def test_a_key_that_comes_twice_is_told_with_its_service(case: str) -> None:
    source, which = SAID[case]
    [found] = attribute_keys.twice(answer("shop", source))
    assert (found.check, found.severity) == ("keys", "wrong")
    assert found.sentence.startswith(
        f"shop sends a key twice in one map: {which} (3 documents in the last 5 min). The last value is kept"
    )
    assert found.figures["service"] == "shop"


def test_each_service_is_told_and_each_key_once() -> None:
    one, other = ({"attributes": marked(f'["{key}","{key}"]')} for key in ("a", "b"))
    [found] = attribute_keys.twice(answer("shop", one, other, one))
    assert "in one map: a, b (3 documents" in found.sentence
    assert attribute_keys.twice({"aggregations": {"services": {"buckets": []}}}) == []
    assert attribute_keys.twice({}) == [], "where there is no data stream yet"


def test_names_that_become_one_label_are_told_by_job() -> None:
    merged = {"vitals_label_names": "merged", "instance": "1"}
    series = [
        {"__name__": "orders_total", "job": "shop", "user_id": "7;8", **merged},
        {"__name__": "target_info", "job": "shop", "team_id": "a;b", **merged},
        {"__name__": "seen_total", "job": "scraped", "user_id": "8", **merged},
    ]
    scraped, shop = attribute_keys.joined(series)
    assert (shop.check, shop.severity, shop.figures["labels"]) == ("keys", "warning", ["team_id", "user_id"])
    assert shop.sentence.startswith(
        "shop sends attributes whose names are one label to Prometheus, as `user.id` and `user_id` are, on orders_total, its "
        "resource (target_info): team_id, user_id have the values of both, joined by `;`."
    )
    assert "7;8" not in shop.sentence, "values may be secrets"
    assert "on seen_total: the label has the last value alone." in scraped.sentence
    assert attribute_keys.joined([]) == []


def test_what_was_counted_is_told_where_nobody_can_be_named() -> None:
    def reading(**counts: float) -> Reading:
        merged = frozenset({("filter", "filter/merged"), ("otelcol_signal", "logs")})
        cut = frozenset({("filter", "filter/cut")})
        values = {(f"otelcol_processor_filter_{signal}_filtered", merged): count for signal, count in counts.items()}
        values |= {("otelcol_processor_filter_logs_filtered", cut): 9.0, ("otelcol_process_uptime", frozenset()): 600.0}
        return Reading(0, values)

    [found] = attribute_keys.before(reading(logs=1200.0, spans=0.0))
    assert (found.check, found.severity) == ("keys", "warning")
    assert found.sentence.startswith("1,200 log records had a key twice in one map since the Collector started 10 min ago")
    assert f"`{attribute_keys.MARK}`" in found.sentence
    assert "7 log records and 2 spans had" in attribute_keys.before(reading(logs=7.0, spans=2.0))[0].sentence
    assert attribute_keys.before(reading(logs=0.0)) == []
