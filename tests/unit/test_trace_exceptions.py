"""Exceptions of a request in the joined view: found wherever a store keeps them, shown once, and told in words."""

from __future__ import annotations

from io import StringIO
from typing import Any

import httpx2 as httpx
import pytest
from rich.console import Console

from vitals.cli.drawing.waterfall import draw
from vitals.lookup.clients import elasticsearch, jaeger
from vitals.lookup.records import Log, Span, TraceView
from vitals.lookup.remarks import remark
from vitals.trace_view.document import as_document
from vitals.trace_view.page import page
from vitals.trace_view.summary import summary

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_700_000_000_000_000_000
MS = 1_000_000
ERROR = {"exception.type": "ValueError", "exception.message": "no stock"}
BACKGROUND = {**ERROR, "exception.stacktrace": 'File "/x/starlette/background.py", line 36, in __call__'}


def span(name: str, span_id: str, parent: str | None = None, *, kind: str = "SERVER", exceptions: tuple[Log, ...] = ()) -> Span:
    return Span(TRACE, span_id, parent, name, kind, "shop", None, START, 10 * MS, False, {}, exceptions)


def log(at_ms: int, attributes: dict[str, Any], *, span_id: str | None = "a", body: str = "", on_span: bool = False) -> Log:
    return Log(START + at_ms * MS, "ERROR", body, None, "uvicorn.error", span_id, "shop", attributes, on_span)


SPANS = [
    span("GET /sold", "a"),
    span("select", "b", "a", kind="CLIENT"),
    span("BackgroundTask mail", "c", "a", kind="INTERNAL"),
]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (log(5, {}), ""),
        (log(50, {}), ""),
        (log(5, ERROR), "exception: ValueError: no stock"),
        (log(5, ERROR, span_id="b"), "exception: ValueError: no stock"),
        (log(5, ERROR, body="ValueError: no stock"), "exception"),
        (log(50, ERROR), "exception after the answer: ValueError: no stock"),
        (log(50, ERROR, span_id=None), "exception after the answer: ValueError: no stock"),
        (log(50, BACKGROUND), "exception in a background task, after the answer: ValueError: no stock"),
        (log(50, ERROR, span_id="c"), "exception in a background task, after the answer: ValueError: no stock"),
        (log(50, {"exception_type": "E"}), "exception after the answer: E"),
    ],
)
def test_it_is_told_in_words(one: Log, told: str) -> None:
    view = TraceView(TRACE, elasticsearch_spans=SPANS, elasticsearch_logs=[one])
    assert remark(view, one) == told
    written = StringIO()
    Console(file=written, width=200).print(draw(view))
    assert told in written.getvalue()
    assert told in page(view, [])
    assert [each["told"] for each in as_document(view, [])["exceptions"]] == ([told] if told else [])


def test_a_trace_without_spans_has_its_exception_too() -> None:
    one = log(5, ERROR)
    assert remark(TraceView(TRACE, elasticsearch_logs=[one]), one) == "exception: ValueError: no stock"


def test_an_exception_on_a_span_that_was_logged_as_well_is_shown_once() -> None:
    """On a span its type is in full and its message as `str` has it; a log has the type's name and the first argument."""
    stack = {"exception.stacktrace": "Traceback (most recent call last):\n  ...\nshop.errors.NoStock: 'tea'\n"}
    on_span = log(5, {"exception.type": "shop.errors.NoStock", "exception.message": "'tea'", **stack}, on_span=True)
    logged = log(6, {"exception.type": "NoStock", "exception.message": "tea", **stack}, body="failed")
    other = log(7, ERROR, on_span=True)
    assert TraceView(TRACE, elasticsearch_logs=[on_span, logged, other]).logs == [logged, other]
    alone = TraceView(TRACE, elasticsearch_logs=[on_span])
    assert alone.logs == [on_span]
    assert ("On its spans", 1, "exception") in summary(alone)
    assert "elasticsearch logs" not in alone.missing


def test_jaegers_are_shown_where_no_store_of_logs_has_them() -> None:
    on_span = log(5, ERROR, on_span=True)
    view = TraceView(TRACE, jaeger_spans=[span("GET /sold", "a", exceptions=(on_span,))])
    assert view.logs == [on_span]
    both = TraceView(TRACE, jaeger_spans=view.jaeger_spans, elasticsearch_logs=[on_span])
    assert both.logs == [on_span]


def _client(answer: dict[str, Any], asked: list[httpx.Request]) -> httpx.Client:
    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=answer)

    return httpx.Client(base_url="http://store", transport=httpx.MockTransport(respond))


def test_elasticsearch_has_them_beside_the_logs() -> None:
    document = {
        "@timestamp": "2023-11-14T22:13:20Z",
        "event_name": "exception",
        "span_id": "a",
        "attributes": ERROR,
        "resource": {"attributes": {"service.name": "shop"}},
    }
    logged = {**document, "severity_number": 17, "severity_text": "ERROR", "body": {"text": "failed"}}
    asked: list[httpx.Request] = []
    found = elasticsearch.logs(_client({"hits": {"hits": [{"_source": document}, {"_source": logged}]}}, asked), TRACE)
    assert [(one.on_span, one.body, one.severity) for one in found] == [
        (True, "ValueError: no stock", "ERROR"),
        (False, "failed", "ERROR"),
    ]
    assert b'"event_name"' in asked[0].content


def test_jaeger_has_them_in_its_spans() -> None:
    def fields(**values: str) -> list[dict[str, str]]:
        return [{"key": key.replace("_", "."), "type": "string", "value": value} for key, value in values.items()]

    answer = {
        "data": [
            {
                "processes": {"p1": {"serviceName": "shop", "tags": []}},
                "spans": [
                    {
                        **{"traceID": TRACE, "spanID": "a", "processID": "p1", "operationName": "GET /sold"},
                        **{"tags": [], "references": [], "startTime": 1, "duration": 1},
                        "logs": [
                            {"timestamp": 5, "fields": fields(event="exception", exception_type="E", exception_message="m")},
                            {"timestamp": 6, "fields": fields(event="retried")},
                        ],
                    }
                ],
            }
        ]
    }
    [one] = jaeger.spans(_client(answer, []), TRACE)
    assert [(log.time, log.body, log.span_id) for log in one.exceptions] == [(5000, "E: m", "a")]
