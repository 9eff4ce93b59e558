"""From `OTEL_{TRACES,METRICS,LOGS}_EXPORTER` and `OTEL_EXPORTER_OTLP_PROTOCOL` to the exporters' classes.

The names are looked up where every OpenTelemetry package registers them (entry points), so an exporter that is installed
works here by its standard name: otlp, console, prometheus, none, or a third party's.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any, Literal

Signal = Literal["traces", "metrics", "logs"]

_OTLP = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}


def exporter_classes(signal: Signal) -> list[type[Any]]:
    """The exporter classes (for metrics: or reader classes) that the environment asks for; OTLP over gRPC when it is silent.

    Raises ValueError with a sentence for a name or a protocol that is not known.
    """
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    names = [name.strip() for name in (os.environ.get(variable) or "otlp").split(",")]
    return [_class(signal, variable, name) for name in names if name and name != "none"]


def _class(signal: Signal, variable: str, name: str) -> type[Any]:
    group = f"opentelemetry_{signal}_exporter"
    registered: EntryPoints = _entry_points().select(group=group)
    found = list(registered.select(name=_OTLP[_protocol(signal)] if name == "otlp" else name))
    if not found:
        known = sorted({"none", *(point.name for point in registered)})
        raise ValueError(f"{variable} is wrong: no exporter is called {name!r}; installed are {', '.join(known)}.")
    loaded: type[Any] = found[0].load()
    return loaded


@cache
def _entry_points() -> Any:
    """Those of all groups, read once: each look goes through every package that is installed."""
    return entry_points()


def _protocol(signal: Signal) -> str:
    for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = os.environ.get(variable, "").strip()
        if protocol and protocol not in _OTLP:
            raise ValueError(f"{variable} is wrong: {protocol!r} is not one of {', '.join(_OTLP)}.")
        if protocol:
            return protocol
    return "grpc"
