"""Histograms of what records hold, as the SDK would have made them: buckets, sums, extremes and exemplars, for each reader."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, HistogramDataPoint, Metric

from vitals.telemetry.fast_path import record

MeasuredBy = tuple[tuple[str, str | int], ...]
"""The attributes of a series, in an order of their own."""

MOST_SERIES = 2000
"""Of one histogram, as in the SDK: what comes after them is counted in one series, marked as the overflow."""

_OVERFLOW: MeasuredBy = (("otel.metric.overflow", True),)


@dataclass(frozen=True, slots=True)
class Definition:
    """A histogram's name, unit, description, and upper bounds of its buckets."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SeriesKey:
    """Names one series of a histogram: made once and kept, since it is found again by its identity."""

    histogram: Definition
    attributes: MeasuredBy


Measurement = tuple[SeriesKey, float]
"""A value, and the series that it belongs to."""


def exemplar(value: float, packed: bytes) -> Exemplar:
    """A value that was measured in the span of that record."""
    span_id, trace_id = int.from_bytes(packed[record.SPAN_ID], "big"), int.from_bytes(packed[record.TRACE_ID], "big")
    return Exemplar({}, value, int.from_bytes(packed[record.END], "little"), span_id, trace_id)


class Series:
    """One histogram's counts for one set of attributes."""

    __slots__ = ("bounds", "count", "counts", "exemplars", "largest", "smallest", "started", "total")

    def __init__(self, bounds: Sequence[float], started: int) -> None:
        self.bounds = bounds
        self.begin(started)

    def begin(self, started: int) -> None:
        """From nothing."""
        self.started = started
        self.counts = [0] * (len(self.bounds) + 1)
        self.count = 0
        self.total = 0.0
        self.smallest, self.largest = float("inf"), float("-inf")
        self.exemplars: dict[int, tuple[float, bytes]] = {}

    def record(self, value: float, packed: bytes | None) -> None:
        """Count a value; the latest of each bucket is kept as its exemplar, with the record of its span."""
        self.record_all([value], [packed])

    def record_all(self, values: Sequence[float], packed: Sequence[bytes | None]) -> None:
        """Count values, in their order."""
        if not values:
            return
        bounds, counts, exemplars, total = self.bounds, self.counts, self.exemplars, self.total
        for value, one in zip(values, packed, strict=True):
            at = bisect_left(bounds, value)
            counts[at] += 1
            total += value
            if one is not None:
                exemplars[at] = (value, one)
        self.total = total
        self.count += len(values)
        self.smallest = min(self.smallest, *values)
        self.largest = max(self.largest, *values)

    def point(self, measured_by: MeasuredBy, now: int) -> HistogramDataPoint:
        """What was counted, up to now; its exemplars are given once."""
        exemplars, self.exemplars = self.exemplars, {}
        return HistogramDataPoint(
            attributes=dict(measured_by),
            start_time_unix_nano=self.started,
            time_unix_nano=now,
            count=self.count,
            sum=self.total,
            bucket_counts=list(self.counts),
            explicit_bounds=list(self.bounds),
            min=self.smallest,
            max=self.largest,
            exemplars=[exemplar(*one) for _, one in sorted(exemplars.items())],
        )


class Distribution:
    """One histogram, all of its series, for one reader. Not for several threads at once."""

    def __init__(self, definition: Definition, temporality: AggregationTemporality, began: int) -> None:
        """began: the start of what is counted from now on, nanoseconds since 1970."""
        self._definition = definition
        self._delta = temporality is AggregationTemporality.DELTA
        self._temporality = temporality
        self._began = began
        self._series: dict[MeasuredBy, Series] = {}

    def series(self, measured_by: MeasuredBy) -> Series:
        """The counts for these attributes."""
        found = self._series.get(measured_by)
        if found is None:
            if len(self._series) >= MOST_SERIES - 1 and measured_by != _OVERFLOW:
                return self.series(_OVERFLOW)
            found = self._series[measured_by] = Series(self._definition.bounds, self._began)
        return found

    def metric(self, now: int) -> Metric | None:
        """What to export; None where nothing was counted (for deltas: since the last time)."""
        points = [series.point(measured_by, now) for measured_by, series in self._series.items() if series.count]
        if self._delta:
            self._began = now
            for series in self._series.values():
                series.begin(now)
        if not points:
            return None
        data = Histogram(points, self._temporality)
        return Metric(self._definition.name, self._definition.description, self._definition.unit, data)


def metrics_of(distributions: Iterable[Distribution], now: int) -> list[Metric]:
    """Those that have something to export."""
    return [made for one in distributions if (made := one.metric(now)) is not None]
