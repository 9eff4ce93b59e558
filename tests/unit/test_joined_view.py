"""The joined view's own logic: ids, times, trees, and which stores can have a trace at all."""

from __future__ import annotations

import json
from io import StringIO
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import pytest
from rich.console import Console

from vitals.backends.backend_table import unused_places
from vitals.cli.drawing.waterfall import draw
from vitals.errors import SettingsError
from vitals.lookup.clients.elasticsearch import nanoseconds as in_nanoseconds
from vitals.lookup.records import Exemplar, Log, Span, TraceView
from vitals.lookup.trace_lookup import checked_trace_id, look, reason
from vitals.settings.stack import StackSettings
from vitals.trace_view.document import as_document
from vitals.trace_view.span_tree import tree

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_700_000_000_000_000_000


def span(name: str, span_id: str, parent: str | None = None, *, start: int = 0, took: int = 1, trace_id: str = TRACE) -> Span:
    ms = 1_000_000
    return Span(trace_id, span_id, parent, name, "SERVER", "vitals", None, START + start * ms, took * ms, False, {})


@pytest.mark.parametrize(
    "text",
    [
        TRACE,
        TRACE.upper(),
        f" {TRACE}\n",
        f"00-{TRACE}-b7ad6b7169203331-01",
        f"traceparent: 00-{TRACE}-b7ad6b7169203331-01",
        f"< traceresponse: 00-{TRACE}-b7ad6b7169203331-01\r",
        f"-H 'traceparent: 00-{TRACE}-b7ad6b7169203331-01'",
        f'"trace_id":"{TRACE}"',
        f"trace_id={TRACE}",
        f"2026-11-30 10:00:25 INFO  shop  sold  trace_id={TRACE}",
        f"http://127.0.0.1:16686/trace/{TRACE}",
        f"{TRACE}-b7ad6b7169203331",
        f"{TRACE} {TRACE}",
    ],
)
def test_takes_a_trace_id_in_any_form_that_people_paste(text: str) -> None:
    assert checked_trace_id(text) == TRACE


@pytest.mark.parametrize("text", ["", "12ab", TRACE + "0", "0" * 32, "g" * 32, "traceparent: 00-"])
def test_refuses_what_is_no_trace_id(text: str) -> None:
    with pytest.raises(SettingsError, match="is no trace id"):
        checked_trace_id(text)


def test_asks_which_of_several() -> None:
    with pytest.raises(SettingsError, match=f"has 2 trace ids in it: give one of {TRACE}, {'f' * 32}"):
        checked_trace_id(f"{TRACE} {'f' * 32}")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            401,
            {"error": {"reason": "unable to authenticate user [reader]"}},
            "it refuses the password of the user reader (401): ",
        ),
        (403, "{}", "it refuses the password of the user reader (403): "),
        (500, {"error": {"root_cause": [{"reason": "x"}], "reason": "all shards failed"}}, "it answered 500: all shards failed"),
        (422, {"status": "error", "error": "invalid\n time"}, "it answered 422: invalid time"),
        (500, {"errors": [{"code": 500, "msg": "no storage"}]}, "it answered 500: no storage"),
        (503, {"detail": "The model is away."}, "it answered 503: The model is away."),
        (502, "<html>Bad Gateway</html>", "it answered 502: <html>Bad Gateway</html>"),
        (500, {"took": 3}, "it answered 500: without a reason"),
        (500, "", "it answered 500: without a reason"),
    ],
)
def test_what_a_store_refuses_with_is_told_in_words(status: int, body: Any, told: str) -> None:
    def refused(_: str) -> list[Any]:
        request = httpx.Request("POST", "http://127.0.0.1:9200/")
        content = body if isinstance(body, str) else json.dumps(body)
        httpx.Response(status, text=content, request=request).raise_for_status()
        raise AssertionError

    stores = SimpleNamespace(questions=lambda: {"jaeger": refused}, places=("jaeger",), unused={})
    view = look(stores, TRACE)  # type: ignore[arg-type]  # as much of it as is asked
    assert view.unreachable["jaeger"].startswith(told)


@pytest.mark.parametrize("place", ["loki", "victorialogs"])
def test_another_store_of_logs_that_does_not_answer_is_shown_with_nothing(place: str) -> None:
    def away(_: str) -> list[Any]:
        raise httpx.ConnectError("refused", request=httpx.Request("GET", "http://127.0.0.1:9428/"))

    stores = SimpleNamespace(questions=lambda: {place: away}, places=(place,), unused={})
    view = look(stores, TRACE)  # type: ignore[arg-type]  # as much of it as is asked
    assert view.other_logs == {place: []}
    assert view.missing == [place]
    assert as_document(view, [])[place] == {"logs": []}


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("2023-11-14T22:13:20.123456789Z", START + 123_456_789),
        ("2023-11-14T22:13:20.5Z", START + 500_000_000),
        ("2023-11-14T22:13:20Z", START),
        ("1700000000000.123456", START + 123_456),
        ("1700000000000.53732", START + 53_732),
        (1_700_000_000_000, START),
    ],
)
def test_reads_every_form_of_time_that_elasticsearch_keeps(written: str | int, nanoseconds: int) -> None:
    assert in_nanoseconds(written) == nanoseconds


def test_spans_are_a_tree_in_order_of_time() -> None:
    spans = [
        span("late child", "c", "a", start=5),
        span("child", "b", "a", start=1),
        span("root", "a", "caller that is not here"),
        span("grandchild", "d", "b", start=2),
        span("other root", "e", start=9),
    ]
    assert [(depth, one.name) for depth, one in tree(spans)] == [
        (0, "root"),
        (1, "child"),
        (2, "grandchild"),
        (1, "late child"),
        (0, "other root"),
    ]


def test_draws_what_is_there_and_says_what_is_not() -> None:
    view = TraceView(
        TRACE,
        exemplars=[Exemplar(TRACE, "http_server_request_duration_seconds_bucket", {"le": "0.1"}, 0.05, START)],
        elasticsearch_spans=[
            span("POST /predict", "a", took=10),
            span("predict batch", "b", "z", start=2, took=3, trace_id="f" * 32),
        ],
        elasticsearch_logs=[Log(START + 2_000_000, "INFO", "predicted [setosa]", "ml.prediction", None, "a", "vitals", {})],
        unused={"jaeger": "nothing is sent there, since TRACES_BACKEND is elasticsearch."},
    )
    written = StringIO()
    Console(file=written, width=140).print(draw(view))
    text = written.getvalue()
    for expected in (
        "POST /predict",
        "predict batch  (linked)",
        "+2.00 ms",
        "predicted [setosa]",
        "10.00 ms",
        "1 exemplar ",
        "1 span ",
        "0 spans",
        "1 log record",
    ):
        assert expected in text
    assert "Not in jaeger: nothing is sent there" in text
    assert view.complete


def test_a_store_that_is_in_use_and_has_nothing_is_missing() -> None:
    view = TraceView(TRACE, unreachable={"jaeger": "it does not answer"})
    assert not view.found
    assert not view.complete
    assert reason(view, "jaeger") == "it does not answer"
    assert "Usual:" in reason(view, "prometheus")


def test_a_backend_that_is_not_chosen_is_not_asked() -> None:
    assert unused_places(StackSettings.load()) == {}
    unused = unused_places(StackSettings.load(traces_backend="jaeger", logs_backend="none"))
    assert set(unused) == {"elasticsearch spans", "elasticsearch logs"}
    assert "TRACES_BACKEND is jaeger" in unused["elasticsearch spans"]
