"""What a row of the table of backends says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Signal = Literal["metrics", "logs", "traces"]
Server = Literal["victorialogs"]
Place = Literal["prometheus", "elasticsearch spans", "jaeger", "elasticsearch logs", "loki", "victorialogs"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)


@dataclass(frozen=True)
class Option:
    """An option that one backend brings: a field of the settings, and a variable of the environment.

    The end of its name is its type: `_PORT` a port, `_FILE` a path or nothing, everything else a text.
    `if_empty` is what the Collector is given where the option is empty; it may name other options, as in `{LOKI_PORT}`.
    `in_compose` is its default in containers, if that is another: there a server is found by its name.
    """

    name: str
    default: str | int | None
    why: str
    if_empty: str = ""
    in_compose: str = ""

    @property
    def is_port(self) -> bool:
        """Whether its value is a port."""
        return self.name.endswith("_PORT")

    @property
    def is_file(self) -> bool:
        """Whether its value is a path."""
        return self.name.endswith("_FILE")


@dataclass(frozen=True)
class Notes:
    """What docs/backends.md and `vitals backends` say of a choice.

    `use`: who would want it. `compared`: what is lost or gained against the default. `verified`: how we know that it works.
    """

    use: str
    compared: str
    verified: str


@dataclass(frozen=True)
class Backend:
    """One way out of the Collector for one signal, in a pipeline of the name SIGNAL/NAME.

    `needs`: a server, in words. `queue`: the exporter that keeps on disk what it could not send yet; empty where none does.
    `places`: what of `vitals trace` reads it; `unread`: why nothing of it does.
    `server`: an engine that the native stack runs for it alone; its option `SERVER_URL` names another one instead.
    `overlay`: the file of overlays/ that adds it to compose.yaml.
    `options`: those that the stack or the Collector reads; `overlay_options`: those that only its overlay reads.
    """

    needs: str
    notes: Notes
    queue: str = ""
    places: tuple[Place, ...] = ()
    unread: str = ""
    server: Server | None = None
    overlay: str = ""
    options: tuple[Option, ...] = ()
    overlay_options: tuple[Option, ...] = ()

    @property
    def ports(self) -> tuple[str, ...]:
        """The options of ports that only it has."""
        return tuple(option.name for option in self.options if option.is_port)
