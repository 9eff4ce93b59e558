"""Every backend that a signal can be sent to: which server takes it, what the stack runs of it, and who reads it back.

A file of otel-collector/backends whose name has a `+` is its parts at once, and so is its entry here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from vitals.settings.stack import StackSettings

Signal = Literal["metrics", "logs", "traces"]
Server = Literal["victorialogs"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

Place = Literal["prometheus", "elasticsearch spans", "jaeger", "elasticsearch logs", "loki", "victorialogs"]

USUAL_PLACES: tuple[Place, ...] = ("prometheus", "elasticsearch spans", "jaeger", "elasticsearch logs")
"""Where a trace is looked for with the backends as they come."""

LOG_PLACES: dict[Place, str] = {"loki": "Loki", "victorialogs": "VictoriaLogs"}
"""Other stores of logs, each with its name for people."""


@dataclass(frozen=True)
class Backend:
    """One way out of the Collector for one signal, in a pipeline of the name SIGNAL/NAME.

    `needs`: a server, in words. `queue`: the exporter that keeps on disk what it could not send yet; empty where none does.
    `places`: what of `vitals trace` reads it; `unread`: why nothing of it does.
    `server`: an engine that the native stack runs for it alone; `overlay`: the file of overlays/ that adds it to compose.yaml.
    `ports`: the options of ports that only it has.
    """

    needs: str
    queue: str = ""
    places: tuple[Place, ...] = ()
    unread: str = ""
    server: Server | None = None
    overlay: str = ""
    ports: tuple[str, ...] = ()


NONE = Backend("nothing: every record is dropped, and counted", unread="nothing is kept")


def _otlp(signal: Signal) -> Backend:
    return Backend(
        "what takes OTLP at OTLP_BACKEND_ENDPOINT; where it wants a password, OTLP_BACKEND_AUTHORIZATION_FILE",
        queue=f"otlp_http/{signal}_otlp",
        unread="`vitals trace` does not know what is behind OTLP_BACKEND_ENDPOINT",
        overlay="otlp",
    )


BACKENDS: dict[Signal, dict[str, Backend]] = {
    "metrics": {
        "prometheus": Backend("Prometheus (part of the stack)", "otlp_http/prometheus", ("prometheus",)),
        "prometheus-remote-write": Backend(
            "Prometheus (part of the stack)",
            "otlp_http/prometheus_remote_write",
            ("prometheus",),
            ports=("COLLECTOR_REMOTE_WRITE_PORT",),
        ),
        "prometheus-scrape": Backend(
            "Prometheus (part of the stack)",
            places=("prometheus",),
            overlay="prometheus-scrape",
            ports=("COLLECTOR_SCRAPE_PORT",),
        ),
        "victoriametrics": Backend(
            "VictoriaMetrics at VICTORIAMETRICS_URL",
            "otlp_http/victoriametrics",
            unread="VictoriaMetrics keeps no exemplars",
            overlay="victoriametrics",
            ports=("COLLECTOR_VICTORIAMETRICS_PORT",),
        ),
        "mimir": Backend(
            "Mimir at MIMIR_URL", "otlp_http/mimir", unread="`vitals trace` does not ask Mimir; Grafana does", overlay="mimir"
        ),
        "otlp": _otlp("metrics"),
        "none": NONE,
    },
    "logs": {
        "elasticsearch": Backend("Elasticsearch (part of the stack)", "elasticsearch/logs", ("elasticsearch logs",)),
        "loki": Backend(
            "Loki at LOKI_URL",
            "otlp_http/loki",
            ("loki",),
            overlay="loki",
        ),
        "victorialogs": Backend(
            "VictoriaLogs (the stack runs one, unless VICTORIALOGS_URL names another)",
            "otlp_http/victorialogs",
            ("victorialogs",),
            server="victorialogs",
            overlay="victorialogs",
            ports=("VICTORIALOGS_PORT",),
        ),
        "otlp": _otlp("logs"),
        "file": Backend(
            "a folder to write LOGS_FILE in", unread="`vitals trace` does not read LOGS_FILE; grep does", overlay="file"
        ),
        "none": NONE,
    },
    "traces": {
        "jaeger": Backend("Jaeger (part of the stack)", "otlp_grpc/jaeger", ("jaeger",)),
        "elasticsearch": Backend("Elasticsearch (part of the stack)", "elasticsearch/traces", ("elasticsearch spans",)),
        "tempo": Backend(
            "Tempo at TEMPO_OTLP_ENDPOINT",
            "otlp_grpc/tempo",
            unread="`vitals trace` does not ask Tempo; Grafana does",
            overlay="tempo",
        ),
        "otlp": _otlp("traces"),
        "none": NONE,
    },
}

_SIGNAL_OF: dict[Place, Signal] = {
    "prometheus": "metrics",
    "elasticsearch spans": "traces",
    "jaeger": "traces",
    "elasticsearch logs": "logs",
}


def chosen(settings: StackSettings) -> dict[Signal, str]:
    """The file that each signal's option names."""
    return {"metrics": settings.metrics_backend, "logs": settings.logs_backend, "traces": settings.traces_backend}


def parts(signal: Signal, name: str) -> list[Backend]:
    """The backends that a file stands for; those of a file that someone added themselves are not known here."""
    return [BACKENDS[signal][part] for part in name.split("+") if part in BACKENDS[signal]]


def in_use(settings: StackSettings) -> list[Backend]:
    """Every backend that something is sent to."""
    return [backend for signal, name in chosen(settings).items() for backend in parts(signal, name)]


def server_of(backend: Backend, settings: StackSettings) -> Server | None:
    """The engine that the native stack runs for a backend alone; none where an address says that someone else does."""
    addresses: dict[Server, str] = {"victorialogs": settings.victorialogs_url}
    return backend.server if backend.server and not addresses[backend.server] else None


def servers(settings: StackSettings) -> set[Server]:
    """Those engines, for the chosen backends."""
    return {server for backend in in_use(settings) if (server := server_of(backend, settings))}


def idle_ports(settings: StackSettings) -> set[str]:
    """The options of ports that no chosen backend listens on."""
    own = {port for of_signal in BACKENDS.values() for backend in of_signal.values() for port in backend.ports}
    running = [one for one in in_use(settings) if one.server == server_of(one, settings)]
    listening = {port for backend in running for port in backend.ports}
    return own - listening


def places(settings: StackSettings) -> list[Place]:
    """Where `vitals trace` looks: the usual places, and those of the chosen backends."""
    return list(dict.fromkeys([*USUAL_PLACES, *(place for backend in in_use(settings) for place in backend.places)]))


def unused_places(settings: StackSettings) -> dict[Place, str]:
    """The usual places that these backends send nothing to, each with why, and with what is read instead of it or is not."""
    used = {place for backend in in_use(settings) for place in backend.places}
    return {place: _why_unused(signal, chosen(settings)[signal]) for place, signal in _SIGNAL_OF.items() if place not in used}


def _why_unused(signal: Signal, name: str) -> str:
    unread = [backend.unread for backend in parts(signal, name) if backend.unread and backend is not NONE]
    more = f" ({'; '.join(unread)})" if unread else ""
    return f"nothing is sent there, since {signal.upper()}_BACKEND is {name}{more}."
