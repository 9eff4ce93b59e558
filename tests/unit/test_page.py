"""The page of one trace: whole, escaped, and with nothing loaded from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from vitals.lookup.links import Link
from vitals.lookup.records import Exemplar, Log, Span, TraceView
from vitals.trace_view.page import page

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_700_000_000_000_000_000
HOSTILE = '<script>alert("x")</script>'


def view() -> TraceView:
    return TraceView(
        TRACE,
        exemplars=[Exemplar(TRACE, "http_server_request_duration_seconds_bucket", {"le": HOSTILE}, 0.01, START)],
        elasticsearch_spans=[
            Span(TRACE, "a", None, "POST /predict", "SERVER", "vitals", "i", START, 10_000_000, True, {"key": HOSTILE}),
            Span(TRACE, "b", "a", HOSTILE, "INTERNAL", "vitals", "i", START + 2_000_000, 5_000_000, False, {}),
        ],
        elasticsearch_logs=[
            Log(START + 1_000_000, "ERROR", HOSTILE, None, "app", "a", "vitals", {"exception.stacktrace": "Traceback: x"})
        ],
        unused={"jaeger": "nothing is sent there."},
    )


def test_shows_spans_logs_exemplars_absences_and_links() -> None:
    text = page(view(), [Link("trace", "http://127.0.0.1:3000/explore?a=1&b=2", "the waterfall")])
    for expected in (
        TRACE,
        "POST /predict",
        "10.00 ms",
        "left: 20.0%; width: 50.0%",
        "Traceback: x",
        "nothing is sent there",
        "a=1&amp;b=2",
    ):
        assert expected in text


def test_what_came_from_outside_is_escaped() -> None:
    assert "<script" not in page(view(), [])


def test_loads_nothing_and_runs_nothing() -> None:
    class Checked(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "img", "link", "iframe", "object"}
            assert not any(name.startswith("on") or name == "src" for name, _ in attrs)

    text = page(view(), [])
    Checked().feed(text)
    assert not re.search(r"url\(|@import", text)


def test_a_trace_that_nobody_has_is_a_page_too() -> None:
    text = page(TraceView(TRACE), [])
    assert "Not found" in text
    assert "Usual:" in text
