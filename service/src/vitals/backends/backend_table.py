"""Questions to the table of backends: which are chosen, what they need, what the Collector is told, and who reads them back.

A file of otel-collector/backends whose name has a `+` is its parts at once, and so it is here.
"""

from __future__ import annotations

from vitals.backend_rows.everywhere import NONE
from vitals.backend_rows.row import SIGNALS, Backend, Notes, Place, Server, Signal
from vitals.backend_rows.table import BACKENDS, TOGETHER, rows, stack_options
from vitals.settings.stack import StackSettings

__all__ = ["BACKENDS", "SIGNALS", "Backend", "Notes", "Place", "Server", "Signal"]

USUAL_PLACES: tuple[Place, ...] = ("prometheus", "elasticsearch spans", "jaeger", "elasticsearch logs")
"""Where a trace is looked for with the backends as they come."""

LOG_PLACES: dict[Place, str] = {"loki": "Loki", "victorialogs": "VictoriaLogs"}
"""Other stores of logs, each with its name for people."""

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


def notes(signal: Signal, name: str) -> Notes | None:
    """What is said of a file of otel-collector/backends; nothing of one that someone added themselves."""
    row = BACKENDS[signal].get(name)
    return row.notes if row else TOGETHER[signal].get(name)


def in_use(settings: StackSettings) -> list[Backend]:
    """Every backend that something is sent to."""
    return [backend for signal, name in chosen(settings).items() for backend in parts(signal, name)]


def server_of(backend: Backend, settings: StackSettings) -> Server | None:
    """The engine that the native stack runs for a backend alone; none where an address says that someone else does."""
    return backend.server if backend.server and not getattr(settings, f"{backend.server}_url") else None


def servers(settings: StackSettings) -> set[Server]:
    """Those engines, for the chosen backends."""
    return {server for backend in in_use(settings) if (server := server_of(backend, settings))}


def idle_ports(settings: StackSettings) -> set[str]:
    """The options of ports that no chosen backend listens on."""
    own = {port for row in rows() for port in row.ports}
    running = [one for one in in_use(settings) if one.server == server_of(one, settings)]
    listening = {port for backend in running for port in backend.ports}
    return own - listening


def collector_ports() -> tuple[str, ...]:
    """The options of ports that the Collector itself listens on, each for one backend."""
    return tuple(port for row in rows() if not row.server for port in row.ports)


def server_ports(server: Server) -> tuple[str, ...]:
    """The options of ports that an engine listens on, one that the native stack runs for a backend alone."""
    return tuple(port for row in rows() if row.server == server for port in row.ports)


def environment(settings: StackSettings) -> dict[str, str]:
    """The options of all backends as variables of the environment, chosen or not: what the files of the Collector read."""
    every = {name.upper(): value for name, value in settings.model_dump().items()}
    return {one.name: str(every[one.name] or one.if_empty.format_map(every)) for one in stack_options()}


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
