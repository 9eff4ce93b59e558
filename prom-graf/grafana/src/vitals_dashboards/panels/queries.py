"""PromQL that several panels share. Rates are over $__rate_interval, which Grafana makes at least four scrapes long."""

from __future__ import annotations

HTTP = 'instance=~"$instance", http_route!~"/health/.*"'
"""Requests of the chosen instances, without those of health checks."""

MODEL = 'ml_model_name=~"$model", ml_model_version=~"$version", instance=~"$instance"'
"""What the chosen model measures."""

FLEET = 'ml_model_name=~"$model", ml_model_version=~"$version"'
"""What the recording rules say of the chosen model: over all its instances, since drift is judged for the fleet."""

PROCESS = 'instance=~"$instance"'
"""The chosen processes."""

COLLECTOR = 'job="collector", instance=~"$collector"'
"""The chosen Collectors' own metrics. Jaeger, which is built from the same parts, has some of the same names."""

SIGNALS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
"""A signal, and what its items are called in the Collector's metrics."""


def rate(metric: str, labels: str, by: str = "") -> str:
    """How much a counter grows a second, summed over all labels but `by`."""
    return f"sum{_by(by)} (rate({metric}{{{labels}}}[$__rate_interval]))"


def occurred(metric: str, labels: str, by: str = "") -> str:
    """As `rate`, and right for what is rare: the first of a kind counts too.

    A counter of errors has no series before the first one; `rate` needs two samples, and so never sees that first one. What was
    not there a rate interval ago is counted whole; a counter that began anew counts nothing until it has passed where it was.
    After five minutes without samples a counter is taken for new, and so shows its whole value once.
    """
    counter = f"{metric}{{{labels}}}"
    more = f"clamp_min({counter} - {counter} offset $__rate_interval, 0) or {counter}"
    return f"(sum{_by(by)} ({more}) / ($__rate_interval_ms / 1000))"


def counted(metric: str, labels: str, by: str = "", *, over: str = "$__range", each: str = "$__interval") -> str:
    """How much a counter grew in a time, by default the time range: exactly, without `increase`'s extrapolation.

    Each process is an instance of its own, so its counters never begin anew, and a series that was not there before the time
    counts whole, its first count too. `each`: how often it is looked at, which bounds what a long time costs.
    """
    counter = f"{metric}{{{labels}}}"
    most = f"max_over_time({counter}[{over}:{each}])"
    return f"sum{_by(by)} (clamp_min({most} - {counter} offset {over}, 0) or {most})"


def worst(series: str, labels: str, by: str = "") -> str:
    """The highest of the chosen services, models and versions."""
    return f"max{_by(by)} ({series}{{{labels}}})"


def share(part: str, whole: str) -> str:
    """A part of a whole, from 0 to 1; 0 where the part has no series yet."""
    return f"({part} or 0 * {whole}) / {whole}"


def or_zero(part: str, whole: str) -> str:
    """A part that has no series until there is something to count: 0 for each series of the whole until then."""
    return f"{part} or 0 * {whole}"


def quantile(of: float, histogram: str, labels: str, by: str = "") -> str:
    """A quantile, estimated from a histogram's buckets by linear interpolation inside one."""
    more = f"le, {by}" if by else "le"
    return f"histogram_quantile({of}, sum by ({more}) (rate({histogram}_bucket{{{labels}}}[$__rate_interval])))"


def average(histogram: str, labels: str, by: str = "") -> str:
    """The mean of what a histogram counted."""
    return f"{rate(f'{histogram}_sum', labels, by)} / {rate(f'{histogram}_count', labels, by)}"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
