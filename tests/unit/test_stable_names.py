"""Names of HTTP attributes are the stable ones, whoever instrumented something before."""

from __future__ import annotations

import pytest
from opentelemetry.instrumentation import _semconv

from vitals.telemetry.stable_names import stable_http_names

HTTP = _semconv._OpenTelemetryStabilitySignalType.HTTP


def _mode() -> object:
    return _semconv._OpenTelemetrySemanticConventionStability._get_opentelemetry_stability_opt_in_mode(HTTP)


@pytest.mark.parametrize("before", [_semconv._StabilityMode.DEFAULT, _semconv._StabilityMode.HTTP, None])
@pytest.mark.parametrize(
    ("asked", "mode"),
    [
        ("", _semconv._StabilityMode.HTTP),
        ("database", _semconv._StabilityMode.HTTP),
        ("http", _semconv._StabilityMode.HTTP),
        ("http/dup", _semconv._StabilityMode.HTTP_DUP),
        ("database, HTTP/DUP", _semconv._StabilityMode.HTTP_DUP),
    ],
)
def test_others_keep_the_names_that_they_chose(monkeypatch: pytest.MonkeyPatch, before: object, asked: str, mode: object) -> None:
    decides = _semconv._OpenTelemetrySemanticConventionStability
    decides._initialize()  # type: ignore[no-untyped-call]
    modes = decides._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING
    kept = dict(modes)
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", asked)
    try:
        if before is None:
            modes.pop(HTTP, None)
        else:
            modes[HTTP] = before
        found = modes.get(HTTP)
        with stable_http_names():
            assert _mode() is mode
        assert modes.get(HTTP) is found
    finally:
        modes.clear()
        modes.update(kept)
