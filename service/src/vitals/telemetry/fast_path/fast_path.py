"""One application's fast path, put together: its encoder, its sender, its histograms, and what it counts of itself."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind

from vitals.telemetry.delivery.delivery import Delivery
from vitals.telemetry.delivery.log_throttle import Seldom
from vitals.telemetry.fast_path import record
from vitals.telemetry.fast_path.distributions import Measurement
from vitals.telemetry.fast_path.encoder import Encoder, Ended
from vitals.telemetry.fast_path.linked_span import LinkedSpan, LinkedTemplate
from vitals.telemetry.fast_path.measures import Active, Measures
from vitals.telemetry.fast_path.sdk_metrics import SdkMetrics
from vitals.telemetry.fast_path.sender import Sender
from vitals.telemetry.fast_path.span import RequestSpan

_logger = logging.getLogger(__name__)

SCHEMA_URL = "https://opentelemetry.io/schemas/1.21.0"
REQUEST_SCOPE = InstrumentationScope(
    "opentelemetry.instrumentation.fastapi", version("opentelemetry-instrumentation-fastapi"), SCHEMA_URL
)
"""As the SDK's path has it: the same spans, whichever way they were made."""

OUR_SCOPE = InstrumentationScope("vitals")

_NO_PARENT = bytes(8)
_FIRST = record.SAMPLED | record.RANDOM_TRACE_ID
"""The flags of a trace's first span."""

_new_bits = random.getrandbits


class FastPath:
    """Made when an application begins to be served, and closed when it ends."""

    def __init__(
        self,
        resource: Resource,
        *,
        sampler: Sampler,
        meter_provider: MeterProvider,
        traces: Delivery | None,
        logs: Delivery | None,
        export_by_sdk: Callable[[Sequence[ReadableSpan]], object],
    ) -> None:
        """meter_provider: for what it counts of itself.

        traces, logs: where encoded requests go; None where the signal is not exported.
        """
        self._resource = resource
        self._sampler = None if sampler is DEFAULT_ON else sampler
        self.limits = SpanLimits()
        self.active = Active()
        self._warnings = Seldom()
        self._sender = Sender(
            Encoder(resource, REQUEST_SCOPE, OUR_SCOPE),
            SdkMetrics(meter_provider, OUR_SCOPE.name),
            traces=traces,
            logs=logs,
            export_by_sdk=export_by_sdk,
            delay_seconds=_number("OTEL_BSP_SCHEDULE_DELAY") / 1000,
            most_waiting=_number("OTEL_BSP_MAX_QUEUE_SIZE"),
        )
        self.put: Callable[[Ended | LinkedSpan], None] = self._sender.put

    def span(
        self, around: Context | None, parent: SpanContext | None, start: int, facts: Callable[[], Mapping[str, Any]]
    ) -> RequestSpan:
        """A request's span. parent: None for the first of a trace; around: the context of both."""
        state = None
        if parent is None:
            trace_id, parent_id = _new_bits(128).to_bytes(16, "big"), _NO_PARENT
            flags = _FIRST
        else:
            trace_id, parent_id = parent.trace_id.to_bytes(16, "big"), parent.span_id.to_bytes(8, "big")
            state = parent.trace_state or None
            flags = record.HAS_PARENT
            if parent.is_remote:
                flags |= record.PARENT_REMOTE
            if parent.trace_flags.sampled:
                flags |= record.SAMPLED
            if parent.trace_flags.random_trace_id:
                flags |= record.RANDOM_TRACE_ID
        if self._sampler is not None:
            made = self._sampler.should_sample(around, int.from_bytes(trace_id, "big"), "", SpanKind.SERVER, facts())
            flags = flags & ~record.SAMPLED | (record.SAMPLED if made.decision.is_sampled() else 0)  # type: ignore[no-untyped-call]
            state = made.trace_state or None
        return RequestSpan(trace_id, _new_bits(64).to_bytes(8, "big"), parent_id, flags, state, start, facts, self.limits)

    def linked(
        self,
        requests: Sequence[RequestSpan],
        template: LinkedTemplate,
        *,
        start: int,
        end: int,
        attributes: Sequence[tuple[str, str | bool | int | float]],
        measured: Sequence[Measurement],
        made_by_sdk: SpanContext | None = None,
    ) -> None:
        """Work for these requests, as one span with links to them and as values of histograms.

        made_by_sdk: its span, where the SDK has made it already.
        """
        first = next((one for one in requests if one.flags & record.SAMPLED), requests[0] if requests else None)
        if made_by_sdk is not None:
            trace_id, span_id = made_by_sdk.trace_id.to_bytes(16, "big"), made_by_sdk.span_id.to_bytes(8, "big")
            sampled = made_by_sdk.trace_flags.sampled
        elif first is not None:
            trace_id, span_id, sampled = first.trace_id, _new_bits(64).to_bytes(8, "big"), first.sampled
        else:
            return
        self.put(
            LinkedSpan(
                template,
                parent_span_id=first.span_id if first is not None else _NO_PARENT,
                links=[(one.trace_id, one.span_id) for one in requests],
                trace_id=trace_id,
                span_id=span_id,
                sampled=sampled,
                made_by_sdk=made_by_sdk is not None,
                start=start,
                end=end,
                attributes=attributes,
                measured=measured,
            )
        )

    def measure(self, measured: Sequence[Measurement]) -> None:
        """Measure what a request left that has no span here."""
        self._sender.measure(measured)

    def feed(self, readers: Iterable[MetricReader]) -> None:
        """Add its histograms to what these readers collect from now on."""
        exemplars = os.environ.get("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based").strip().lower()
        for reader in readers:
            # A reader has no public way to be given metrics that are not an instrument's (opentelemetry-sdk 1.45).
            temporalities = reader._instrument_class_temporality.items()
            temporality = next(chosen for instrument, chosen in temporalities if issubclass(instrument, Histogram))
            measures = Measures(temporality, exemplars=exemplars)
            self._sender.measures.append(measures)
            reader._set_collect_callback(self._adding(reader._collect, measures))

    def _adding(self, collect: Any, measures: Measures) -> Callable[..., MetricsData]:
        def both(reader: MetricReader, timeout_millis: float = 10_000) -> MetricsData:
            scopes = self._sender.collected(measures, REQUEST_SCOPE, OUR_SCOPE, self.active)  # first: it counts what it drains
            found: MetricsData | None = collect(reader, timeout_millis=timeout_millis)
            return _with(found, scopes, self._resource)

        return both

    def failed(self, what: str) -> None:
        """Say, once a minute, that something could not be read of a request, which was answered all the same."""
        if self._warnings.due(what):
            _logger.warning("Telemetry of %s could not be made; further ones within a minute are not said.", what, exc_info=True)

    def flush(self) -> None:
        """Hand over all that ended until now."""
        self._sender.drain()

    def close(self) -> None:
        """Hand over all that ended, and end the thread."""
        self._sender.close()


def _with(found: MetricsData | None, scopes: Sequence[ScopeMetrics], resource: Resource) -> MetricsData:
    """What the SDK collected, and these, each scope once: exporters take a second of the same for the first's successor."""
    of_resource = next(iter(found.resource_metrics), None) if found is not None else None
    merged = {_key(one.scope): one for one in (of_resource.scope_metrics if of_resource is not None else ())}
    for one in scopes:
        before = merged.get(_key(one.scope))
        merged[_key(one.scope)] = one if before is None else replace(before, metrics=[*before.metrics, *one.metrics])
    ours = ResourceMetrics(resource if of_resource is None else of_resource.resource, list(merged.values()), resource.schema_url)
    return MetricsData([ours, *(found.resource_metrics[1:] if found is not None else ())])


def _key(scope: InstrumentationScope) -> tuple[str, str, str]:
    return scope.name, scope.version or "", scope.schema_url or ""


def _number(variable: str) -> int:
    """Of a variable that defaults.apply() has set where the operator has not."""
    return int(os.environ[variable])
