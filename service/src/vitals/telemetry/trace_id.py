"""The trace id of the request that is being served."""

from __future__ import annotations

from opentelemetry import trace


def current_trace_id() -> str | None:
    """The current trace id as 32 hex digits, or None outside a trace (as with OTEL_SDK_DISABLED=true and no `traceparent`)."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
