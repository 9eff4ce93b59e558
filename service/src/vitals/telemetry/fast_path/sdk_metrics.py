"""What the fast path counts of itself, under the names and in the series of the SDK's own metrics.

`otel.sdk.span.started` and `otel.sdk.log.created` are the SDK's own instruments, so that each has one sum whoever made the spans
and the records. A request's are counted when it has ended. `otel.sdk.processor.*.processed` says what was encoded, and with
`error.type` what was dropped in front of that.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.semconv._incubating.metrics.otel_metrics import (
    OTEL_SDK_PROCESSOR_LOG_PROCESSED,
    OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
    create_otel_sdk_log_created,
    create_otel_sdk_span_started,
)

from vitals.telemetry.fast_path import record
from vitals.telemetry.fast_path.encoder import Ended
from vitals.telemetry.fast_path.linked_span import LinkedSpan

_ORIGIN = record.SAMPLED | record.HAS_PARENT | record.PARENT_REMOTE


class SdkMetrics:
    """Counts spans and log records: made, encoded, and dropped because too many waited or one could not be encoded."""

    def __init__(self, provider: MeterProvider, scope: str) -> None:
        """scope: of the counters that are not the SDK's own."""
        of_sdk = provider.get_meter("opentelemetry-sdk")
        self._started = create_otel_sdk_span_started(of_sdk)
        self._created = create_otel_sdk_log_created(of_sdk)
        self.spans = self.logs = 0
        self._dropped_spans = self._dropped_logs = 0
        meter = provider.get_meter(scope)
        described = "Items that were encoded, or dropped for the reason in error.type."
        meter.create_observable_counter(OTEL_SDK_PROCESSOR_SPAN_PROCESSED, [self._observed_spans], "{span}", described)
        meter.create_observable_counter(OTEL_SDK_PROCESSOR_LOG_PROCESSED, [self._observed_logs], "{log_record}", described)

    def made(self, items: Iterable[Ended | LinkedSpan]) -> None:
        """Count the spans and records of these, once for each."""
        spans: collections.Counter[int] = collections.Counter()
        logs = 0
        for item in items:
            if not isinstance(item, LinkedSpan):
                spans[item.record[-1] & _ORIGIN] += 1
                logs += item.event is not None
            elif not item.made_by_sdk:
                spans[record.HAS_PARENT | item.sampled] += 1
        for flags, count in spans.items():
            self._started.add(count, _attributes(flags))
        if logs:
            self._created.add(logs)

    def dropped(self, item: Ended | LinkedSpan) -> None:
        """Count what of this would have been encoded."""
        if isinstance(item, LinkedSpan):
            self._dropped_spans += item.sampled and not item.made_by_sdk
            return
        self._dropped_spans += bool(item.record[-1] & record.SAMPLED)
        self._dropped_logs += item.event is not None

    def _observed_spans(self, _: CallbackOptions) -> list[Observation]:
        return _observed("packed_span_processor", self.spans, self._dropped_spans)

    def _observed_logs(self, _: CallbackOptions) -> list[Observation]:
        return _observed("packed_log_processor", self.logs, self._dropped_logs)


def _attributes(flags: int) -> dict[str, str]:
    """As the SDK has them."""
    parent = "none" if not flags & record.HAS_PARENT else "remote" if flags & record.PARENT_REMOTE else "local"
    result = "RECORD_AND_SAMPLE" if flags & record.SAMPLED else "DROP"
    return {"otel.span.parent.origin": parent, "otel.span.sampling_result": result}


def _observed(component: str, processed: int, dropped: int) -> list[Observation]:
    named = {"otel.component.type": component, "otel.component.name": f"{component}/0"}
    return [Observation(processed, named), Observation(dropped, {**named, "error.type": "queue_full"})]
