"""What arrived at the sink, held against what was answered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA
from opentelemetry.proto.trace.v1.trace_pb2 import Span

EVENT = "ml.prediction"
DURATION = "http.server.request.duration"


@dataclass(frozen=True)
class Expects:
    """What each answered request must have left at the sink."""

    spans: bool = False
    logs: bool = False
    requests: bool = False


@dataclass
class Arrived:
    """What one service sent: when each SERVER span of the route began, when each prediction was logged, how many were counted."""

    spans: list[int] = field(default_factory=list)
    logs: list[int] = field(default_factory=list)
    requests: int = 0
    other_spans: int = 0

    def within(self, begin: int, end: int) -> tuple[int, int]:
        """Spans and logs of a stretch of time, in nanoseconds of the epoch."""
        return _between(self.spans, begin, end), _between(self.logs, begin, end)


def _between(times: list[int], begin: int, end: int) -> int:
    return bisect_right(times, end) - bisect_left(times, begin)


def count(records: Iterable[tuple[str, bytes]], *, route: str = "/predict") -> dict[str, Arrived]:
    """What each `service.name` sent, from the sink's records."""
    arrived: defaultdict[str, Arrived] = defaultdict(Arrived)
    cumulative: dict[tuple[str, bytes, bytes], int] = {}
    for letter, request in records:
        if letter == "T":
            _count_spans(ExportTraceServiceRequest.FromString(request), arrived, route)
        elif letter == "L":
            _count_logs(ExportLogsServiceRequest.FromString(request), arrived)
        else:
            _count_requests(ExportMetricsServiceRequest.FromString(request), arrived, cumulative, route)
    for (name, _, _), requests in cumulative.items():
        arrived[name].requests += requests
    for one in arrived.values():
        one.spans.sort()
        one.logs.sort()
    return dict(arrived)


def _service(resource: Any) -> str:
    return next((one.value.string_value for one in resource.attributes if one.key == "service.name"), "")


def _count_spans(request: ExportTraceServiceRequest, arrived: dict[str, Arrived], route: str) -> None:
    for resource_spans in request.resource_spans:
        found = arrived[_service(resource_spans.resource)]
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if span.kind == Span.SPAN_KIND_SERVER and span.name.endswith(route):
                    found.spans.append(span.start_time_unix_nano)
                else:
                    found.other_spans += 1


def _count_logs(request: ExportLogsServiceRequest, arrived: dict[str, Arrived]) -> None:
    for resource_logs in request.resource_logs:
        found = arrived[_service(resource_logs.resource)]
        for scope_logs in resource_logs.scope_logs:
            found.logs += [record.time_unix_nano for record in scope_logs.log_records if _is_prediction(record)]


def _is_prediction(record: Any) -> bool:
    if record.event_name:
        return bool(record.event_name == EVENT)
    return any(one.key.endswith("event.name") and one.value.string_value == EVENT for one in record.attributes)


def _count_requests(
    request: ExportMetricsServiceRequest,
    arrived: dict[str, Arrived],
    cumulative: dict[tuple[str, bytes, bytes], int],
    route: str,
) -> None:
    for resource_metrics in request.resource_metrics:
        name, resource = _service(resource_metrics.resource), resource_metrics.resource.SerializeToString(deterministic=True)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in (one for one in scope_metrics.metrics if one.name == DURATION):
                histogram = getattr(metric, metric.WhichOneof("data"))
                for point in histogram.data_points:
                    attributes = {one.key: one.value for one in point.attributes}
                    if attributes["http.route"].string_value != route if "http.route" in attributes else True:
                        continue
                    if histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA:
                        arrived[name].requests += point.count
                        continue
                    series = b"".join(sorted(one.SerializeToString(deterministic=True) for one in point.attributes))
                    key = (name, resource, series)
                    cumulative[key] = max(cumulative.get(key, 0), point.count)


def refusal(expects: Expects, answered: int, *, spans: int, logs: int, requests: int | None) -> str:
    """Why these figures don't count, in words; empty where all that was answered has arrived, once.

    requests: None where it is not known for this stretch of time alone.
    """
    seen = (("spans", expects.spans, spans), ("logs", expects.logs, logs), ("requests counted", expects.requests, requests))
    wrong = [
        f"{number:,} {what} for {answered if wanted else 0:,}"
        for what, wanted, number in seen
        if number is not None and number != (answered if wanted else 0)
    ]
    return ", ".join(wrong)
