"""The global tracer provider: spans go to the application that is served."""

from __future__ import annotations

import atexit
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, Tracer, TracerProvider
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.util.types import Attributes

from vitals.telemetry import applications
from vitals.telemetry.providers import Providers
from vitals.telemetry.routing.scopes import of_scope


class RoutingTracer(Tracer):
    """A tracer of one scope. `start_as_current_span`, also as a decorator, is the SDK's, which asks `start_span`."""

    def __init__(self, *scope: Any) -> None:
        """scope: as `get_tracer` takes it. The SDK's own state is the served application's: see `__getattr__`."""
        self._scope = scope

    def start_span(self, *args: Any, **kwargs: Any) -> ApiSpan:
        """As the API has it, by the tracer of the application that is served."""
        span: ApiSpan = self._tracer().start_span(*args, **kwargs)
        return span

    def _tracer(self) -> Any:
        providers = applications.served()
        try:
            return providers.tracers[self]
        except KeyError:
            made = providers.tracers[self] = providers.tracer_provider.get_tracer(*self._scope)
            return made

    def __getattr__(self, name: str) -> Any:
        if name == "_scope":
            raise AttributeError(name)
        return getattr(self._tracer(), name)


class RoutingTracerProvider(TracerProvider):
    """What `trace.get_tracer_provider()` gives. Span processors that are added here see the spans of all applications."""

    def __init__(self) -> None:
        super().__init__(resource=Resource.get_empty(), shutdown_on_exit=False)
        self._routing: dict[Any, RoutingTracer] = {}
        self._shared: list[_SharedSpanProcessor] = []

    @property
    def resource(self) -> Resource:
        """Of the application that is served."""
        return applications.served().tracer_provider.resource

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> RoutingTracer:
        """A tracer for any application; the same one for the same scope."""
        return of_scope(
            self._routing, RoutingTracer, instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Let it see the spans of every application, of those too that begin later."""
        shared = _SharedSpanProcessor(span_processor)
        with applications.changing:
            super().add_span_processor(span_processor)  # where others look for it
            self._shared.append(shared)
            for providers in applications.present():
                providers.tracer_provider.add_span_processor(shared)
        atexit.register(span_processor.shutdown)

    def adopt(self, providers: Providers) -> None:
        """Give a new application what all share."""
        for shared in self._shared:
            providers.tracer_provider.add_span_processor(shared)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Of every application."""
        flushed = [one.tracer_provider.force_flush(timeout_millis) for one in applications.present()]
        return all(flushed)

    def shutdown(self) -> None:
        """Flush. Each application's provider ends with its application."""
        self.force_flush()


class _SharedSpanProcessor(SpanProcessor):
    """A processor of several providers: the end of one of them is not the processor's."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._processor = processor

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._processor.on_start(span, parent_context)

    def _on_ending(self, span: Span) -> None:
        self._processor._on_ending(span)

    def on_end(self, span: ReadableSpan) -> None:
        self._processor.on_end(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._processor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        self._processor.force_flush()
