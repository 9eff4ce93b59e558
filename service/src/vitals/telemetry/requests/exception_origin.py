"""Where an exception was raised: the span is remembered on it, for a log that tells of it after the request is over.

A server logs what left the application outside of any span, asyncio what nobody awaited when it is collected. By then the
exception is all that still knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from opentelemetry.trace import SpanContext, TraceFlags

_NAME = "__raised_in_span__"
"""Of the attribute: plain numbers, so that an exception that goes to another process needs no library of ours there."""

_MOST = 100
"""Exceptions of a chain that are looked at."""


def note(exception: BaseException, span_context: SpanContext) -> None:
    """Remember that `exception` was raised in that span. The first to say so is right: an inner span is left before an outer."""
    if not span_context.is_valid or origin(exception) is not None:
        return
    where = (span_context.trace_id, span_context.span_id, int(span_context.trace_flags))
    try:
        # Past a class that allows no attributes, as a frozen data class is.
        BaseException.__setattr__(exception, _NAME, where)
    except Exception:
        return  # without it the log has no trace: that is all


def origin(exception: BaseException) -> SpanContext | None:
    """The span in which it was raised, or one that it came from: its cause, its context, or one of its group."""
    for one in _related(exception):
        try:
            trace_id, span_id, flags = BaseException.__getattribute__(one, _NAME)
            return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
        except Exception:  # noqa: S112 - this one does not know: the next may
            continue
    return None


def _related(exception: BaseException) -> Iterator[BaseException]:
    """The exception, then what it came from, the nearest first; each once."""
    waiting, seen = [exception], {id(exception)}
    while waiting and len(seen) <= _MOST:
        one = waiting.pop(0)
        yield one
        inside = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        for other in (one.__cause__, one.__context__, *inside):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
