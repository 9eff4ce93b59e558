"""When the SDK has to make a request's span itself: the operator, or the application, has set up something that must see it."""

from __future__ import annotations

import os

from opentelemetry.sdk.trace import SpanLimits

SWITCH = "VITALS_FAST_PATH"
"""`off` asks for the SDK's own spans."""

_FEWEST_ATTRIBUTES = 32
"""More than a request's own: a lower limit would drop some of them, in an order that only the SDK knows."""


def reason(*, provided: bool) -> str:
    """Why the SDK is needed, as a clause; empty where it is not. provided: whether the providers are not ours.

    Raises ValueError with a sentence for a wrong value of VITALS_FAST_PATH.
    """
    switch = os.environ.get(SWITCH, "").strip().lower()
    if switch not in ("", "on", "off"):
        raise ValueError(f"{SWITCH} is wrong: {switch!r} is not one of on, off.")
    if switch == "off":
        return f"{SWITCH} is off"
    if provided:
        return "the OpenTelemetry providers were set by the application, or by opentelemetry-instrument"
    for variable, usual in _USUAL.items():
        given = os.environ.get(variable, "").strip().lower()
        if given and not all(one.strip() in usual for one in given.split(",")):
            return f"{variable} is set to {os.environ[variable]!r}"
    for variable in _UNUSUAL:
        if os.environ.get(variable, "").strip():
            return f"{variable} is set"
    limits = SpanLimits()
    if limits.max_span_attribute_length is not None or (limits.max_span_attributes or _FEWEST_ATTRIBUTES) < _FEWEST_ATTRIBUTES:
        return "attributes of spans are limited in number or length"
    return ""


_USUAL = {
    "OTEL_TRACES_EXPORTER": {"otlp", "none"},
    "OTEL_LOGS_EXPORTER": {"otlp", "none"},
    "OTEL_PYTHON_ID_GENERATOR": {"random"},
    "OTEL_SEMCONV_STABILITY_OPT_IN": {"http", "database", "gen_ai_latest_experimental"},
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": {"explicit_bucket_histogram"},
}
"""Variables, and the values with which the SDK is not needed."""

_UNUSUAL = (
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
    "OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS",
)
"""Variables that contrib's instrumentation alone heeds."""
