"""The span of a request does what the SDK's does: the same calls in any order, and the same is exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags

from vitals.telemetry.fast_path import record
from vitals.telemetry.fast_path.span import RequestSpan

ERROR = ValueError("wrong")
LINKED = SpanContext(5, 7, True, TraceFlags(1))
CALLS: dict[str, Callable[[Span], Any]] = {
    "attribute": lambda span: span.set_attribute("a", 1),
    "another value": lambda span: span.set_attribute("a", "text"),
    "attributes": lambda span: span.set_attributes({"b": [1.5, 2.5], "c": True}),
    "no value": lambda span: span.set_attribute("d", object()),  # type: ignore[arg-type]
    "event": lambda span: span.add_event("seen", {"at": 1}, timestamp=5),
    "link": lambda span: span.add_link(LINKED, {"why": "test"}),
    "no link": lambda span: span.add_link(SpanContext(0, 0, False)),
    "ok": lambda span: span.set_status(StatusCode.OK),
    "error": lambda span: span.set_status(Status(StatusCode.ERROR, "broken")),
    "unset": lambda span: span.set_status(StatusCode.UNSET),
    "name": lambda span: span.update_name("given"),
    "exception": lambda span: span.record_exception(ERROR, {"more": 1}, timestamp=6),
    "end": lambda span: span.end(7) if span.is_recording() else None,
}


def request_span(flags: int = record.SAMPLED) -> RequestSpan:
    return RequestSpan(b"t" * 16, b"s" * 8, bytes(8), flags, None, 1, dict, SpanLimits())


def said(span: Any, *, name: str) -> dict[str, Any]:
    """What is exported of it."""
    return {
        "name": name,
        "attributes": dict(span.own_attributes or {}) if isinstance(span, RequestSpan) else dict(span.attributes or {}),
        "events": [(one.name, dict(one.attributes or {}), one.timestamp) for one in span.events or ()],
        "links": [(one.context, dict(one.attributes or {})) for one in span.links or ()],
        "status": (span.status.status_code, span.status.description) if span.status else (StatusCode.UNSET, None),
        "recording": span.is_recording(),
    }


@given(st.lists(st.sampled_from(list(CALLS)), max_size=8))
def test_the_same_calls_leave_the_same(calls: list[str]) -> None:
    ours, sdks = request_span(), TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("request")
    for call in calls:
        CALLS[call](ours)
        CALLS[call](sdks)
    assert said(ours, name=ours.given_name or "request") == said(sdks, name=sdks.name)  # type: ignore[attr-defined]


def test_what_is_not_sampled_records_nothing() -> None:
    span = request_span(flags=0)
    for call in CALLS.values():
        call(span)
    assert (span.like_others, span.is_recording(), span.get_span_context().trace_flags.sampled) == (True, False, False)


@pytest.mark.parametrize("flags", range(16))
def test_its_context_is_what_its_flags_say(flags: int) -> None:
    context = request_span(flags).get_span_context()
    assert (context.trace_id, context.span_id) == (int.from_bytes(b"t" * 16, "big"), int.from_bytes(b"s" * 8, "big"))
    assert context.trace_flags.sampled == bool(flags & record.SAMPLED)
    assert context.trace_flags.random_trace_id == bool(flags & record.RANDOM_TRACE_ID)
    assert (request_span(flags).parent is not None) == bool(flags & record.HAS_PARENT)


def test_an_exception_that_has_no_text_is_kept_all_the_same() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    span = request_span()
    with pytest.raises(Silent), span:
        raise Silent
    [event] = span.events or []
    assert "without a text" in str((event.attributes or {})["exception.message"])
    assert span.ended
