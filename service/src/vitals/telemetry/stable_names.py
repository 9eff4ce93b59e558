"""contrib's instrumentation with the stable names of the semantic conventions, whoever asked it for others before.

It decides once a process, at the first instrumentor of any library: one that an application calls at import time comes before
`instrument()` can say what it wants, and everything had the old names then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.instrumentation import _semconv as contrib  # names of its own: opentelemetry-instrumentation 0.66


@contextmanager
def stable_http_names() -> Iterator[None]:
    """While an instrumentation of HTTP servers is made; `http/dup` in OTEL_SEMCONV_STABILITY_OPT_IN stays what it is."""
    decides = contrib._OpenTelemetrySemanticConventionStability
    decides._initialize()  # type: ignore[no-untyped-call]
    http = contrib._OpenTelemetryStabilitySignalType.HTTP
    modes = decides._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING
    before = modes.get(http)
    asked = {one.strip() for one in os.environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").lower().split(",")}
    modes[http] = contrib._StabilityMode.HTTP_DUP if "http/dup" in asked else contrib._StabilityMode.HTTP
    try:
        yield
    finally:
        if before is None:
            del modes[http]
        else:
            modes[http] = before
