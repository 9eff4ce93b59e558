"""The trace id of the request that is being served, and the process that serves it."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID
from opentelemetry.sdk.trace import TracerProvider

from vitals.telemetry.fast_path.span import RequestSpan


def current_trace_id() -> str | None:
    """The current trace id as 32 hex digits, or None outside a trace (as with OTEL_SDK_DISABLED=true and no `traceparent`)."""
    return trace_id_of(trace.get_current_span())


def trace_id_of(span: trace.Span) -> str | None:
    """Its trace id, likewise; None for a span that is none."""
    if type(span) is RequestSpan:
        return span.trace_id.hex()
    context = span.get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def current_instance_id() -> str | None:
    """This process's `service.instance.id`, by which every store tells it from others; None where it has no telemetry."""
    provider = trace.get_tracer_provider()
    found = provider.resource.attributes.get(SERVICE_INSTANCE_ID) if isinstance(provider, TracerProvider) else None
    return None if found is None else str(found)
