"""A batch in two halves, for one that is too large for a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opentelemetry.sdk.metrics.export import MetricsData


def list_halves(batch: list[Any]) -> tuple[list[Any], list[Any]] | None:
    """The same spans, or log records, in two parts; None where there is only one, or none."""
    middle = len(batch) // 2
    return (batch[:middle], batch[middle:]) if middle else None


def points(data: MetricsData) -> int:
    """How many data points there are."""
    return sum(len(one.data.data_points) for r in data.resource_metrics for scope in r.scope_metrics for one in scope.metrics)


def halves(data: MetricsData) -> tuple[MetricsData, MetricsData] | None:
    """The same metrics in two parts; None where there is only one metric, or none. The points of one metric stay together."""
    metrics = sum(len(scope.metrics) for r in data.resource_metrics for scope in r.scope_metrics)
    middle = metrics // 2
    return (_part(data, 0, middle), _part(data, middle, metrics)) if middle else None


def _part(data: MetricsData, begin: int, end: int) -> MetricsData:
    at = 0
    resources = []
    for resource in data.resource_metrics:
        scopes = []
        for scope in resource.scope_metrics:
            kept = [one for number, one in enumerate(scope.metrics, at) if begin <= number < end]
            at += len(scope.metrics)
            if kept:
                scopes.append(replace(scope, metrics=kept))
        if scopes:
            resources.append(replace(resource, scope_metrics=scopes))
    return MetricsData(resource_metrics=resources)
