"""A Collector on loopback is reached past any proxy that the environment names; another one as gRPC and requests do."""

from __future__ import annotations

import os
from typing import Any

from vitals.loopback import is_loopback
from vitals.telemetry.delivery.transports import CHANNEL_OPTIONS
from vitals.telemetry.exporters import Signal

_DEFAULT = "http://localhost"
_CREDENTIALS = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}CREDENTIAL_PROVIDER"


def past_proxies(signal: Signal) -> bool:
    """Whether the Collector of a signal is on this machine."""
    names = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return is_loopback(next((os.environ[name] for name in names if os.environ.get(name)), _DEFAULT))


def grpc_options(*, past: bool) -> dict[str, Any]:
    """For the SDK's exporter over gRPC."""
    return {"channel_options": (*CHANNEL_OPTIONS, ("grpc.enable_http_proxy", 0)) if past else CHANNEL_OPTIONS}


def http_options(signal: Signal, *, past: bool) -> dict[str, Any]:
    """For the SDK's exporter over HTTP. A session that the operator's credentials make is used as it is."""
    if not past or any(os.environ.get(_CREDENTIALS.format(of)) for of in ("", f"{signal.upper()}_")):
        return {}
    import requests

    session = requests.Session()
    session.trust_env = False
    return {"session": session}
