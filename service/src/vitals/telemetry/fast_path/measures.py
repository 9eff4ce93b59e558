"""Which histograms the fast path keeps: those of HTTP requests, and those that events and linked spans bring values for."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    NumberDataPoint,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vitals.telemetry import defaults
from vitals.telemetry.fast_path import record
from vitals.telemetry.fast_path.distributions import Definition, Distribution, Measurement, Series, SeriesKey, metrics_of
from vitals.telemetry.fast_path.encoder import Ended
from vitals.telemetry.fast_path.linked_span import LinkedSpan
from vitals.telemetry.fast_path.shape import Template

_SIZES = (0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0)
"""The SDK's own bounds, which contrib's instrumentation has for sizes."""

DURATION = Definition("http.server.request.duration", "s", "Duration of HTTP server requests.", defaults.REQUEST_SECONDS)
REQUEST_SIZE = Definition("http.server.request.body.size", "By", "Size of HTTP server request bodies.", _SIZES)
RESPONSE_SIZE = Definition("http.server.response.body.size", "By", "Size of HTTP server response bodies.", _SIZES)

_MOST_REMEMBERED = 4096

_OfRequests = tuple[Series, Series, Series]
"""Of one set of attributes: durations, and sizes of requests and of their answers."""


def _no_values() -> tuple[list[float], list[bytes | None]]:
    """And no records of the spans that they were measured in."""
    return [], []


_ACTIVE = ("http.server.active_requests", "Number of active HTTP server requests.", "{request}")


@dataclass(slots=True)
class Active:
    """Requests that are being served now, by method and scheme. Changed by the event loop alone."""

    began: int = field(default_factory=time.time_ns)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def metric(self, now: int) -> Metric | None:
        """What to export."""
        points = [
            NumberDataPoint({"http.request.method": method, "url.scheme": scheme}, self.began, now, count)
            for (method, scheme), count in list(self.counts.items())
        ]
        name, description, unit = _ACTIVE
        data = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=False)
        return Metric(name, description, unit, data) if points else None


class Measures:
    """The histograms of one reader. exemplars: whether any are kept, and whether of spans that are not sampled, too."""

    def __init__(self, temporality: AggregationTemporality, *, exemplars: str) -> None:
        self._exemplary = (
            exemplars == "always_on",
            exemplars != "always_off",
        )  # of a span that is not sampled, and of one that is
        self._temporality, self._began = temporality, time.time_ns()
        self._by_template: dict[Template, _OfRequests] = {}
        self.duration, self.request_size, self.response_size = self._of_http = [
            Distribution(one, temporality, self._began) for one in (DURATION, REQUEST_SIZE, RESPONSE_SIZE)
        ]
        self._others: dict[str, Distribution] = {}
        self._by_key: dict[SeriesKey, Series] = {}

    def take(self, items: Iterable[Ended | LinkedSpan]) -> None:
        """What ended, all values of a series together."""
        kept: defaultdict[Series, tuple[list[float], list[bytes | None]]] = defaultdict(_no_values)
        unsampled, sampled = self._exemplary
        for item in items:
            if isinstance(item, LinkedSpan):
                source = item.record if (sampled if item.sampled else unsampled) else None
                for key, value in item.measured:
                    values, sources = kept[self._by_key.get(key) or self._series(key)]
                    values.append(value)
                    sources.append(source)
                continue
            template, packed, _, _, event, _ = item
            duration, request_size, response_size = self._by_template.get(template) or self._remember(template)
            _, _, _, start, end, request_bytes, response_bytes, _, flags = record.unpack(packed)
            source = packed if (sampled if flags & record.SAMPLED else unsampled) else None
            values, sources = kept[duration]
            values.append((end - start) / 1e9)
            sources.append(source)
            if response_bytes >= 0:
                values, sources = kept[response_size]
                values.append(response_bytes)
                sources.append(source)
            if request_bytes >= 0:
                values, sources = kept[request_size]
                values.append(request_bytes)
                sources.append(source)
            if event is not None:
                for key, value in event.measured():
                    values, sources = kept[self._by_key.get(key) or self._series(key)]
                    values.append(value)
                    sources.append(source)
        for series, (values, sources) in kept.items():
            series.record_all(values, sources)

    def record(self, measured: Sequence[Measurement]) -> None:
        """Values of a request that is not watched."""
        for key, value in measured:
            self._series(key).record(value, None)

    def _series(self, key: SeriesKey) -> Series:
        found = self._by_key.get(key)
        if found is None:
            histogram = key.histogram
            if (distribution := self._others.get(histogram.name)) is None:
                distribution = self._others[histogram.name] = Distribution(histogram, self._temporality, self._began)
            if len(self._by_key) >= _MOST_REMEMBERED:
                self._by_key.clear()
            found = self._by_key[key] = distribution.series(key.attributes)
        return found

    def _remember(self, template: Template) -> _OfRequests:
        measured = template.measured
        found = (self.duration.series(measured), self.request_size.series(measured), self.response_size.series(measured))
        if template.remembered:
            if len(self._by_template) >= _MOST_REMEMBERED:
                self._by_template.clear()
            self._by_template[template] = found
        return found

    def scopes(self, http: InstrumentationScope, ours: InstrumentationScope, active: Active) -> list[ScopeMetrics]:
        """What to export, by the scope that it is exported under."""
        now = time.time_ns()
        of_http = metrics_of(self._of_http, now)
        if (requests := active.metric(now)) is not None:
            of_http.append(requests)
        others = metrics_of(self._others.values(), now)
        if self._temporality is AggregationTemporality.DELTA:
            self._began = now
        return [
            ScopeMetrics(scope, metrics, scope.schema_url or "")
            for scope, metrics in ((http, of_http), (ours, others))
            if metrics
        ]
