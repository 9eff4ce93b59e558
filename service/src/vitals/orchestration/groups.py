"""The groups of the stack that start and stop as one, and what each needs.

A target of the command names one or several. The Collector is a group of its own: another backend leaves the service running.
The canary is in it, since it asks the stores of the chosen backends.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from vitals.backend_rows.row import Server
from vitals.backends.backend_table import collector_ports, server_ports
from vitals.settings.sizes import MIB

GroupName = Literal["elk", "prom-graf", "victorialogs", "collector", "service"]
Target = Literal["all", "elk", "prom-graf", "service"]


@dataclass(frozen=True)
class Group:
    """What a group brings: its port options, the memory it wants available, its folders in the state folder."""

    name: GroupName
    ports: tuple[str, ...]
    memory_bytes: int
    data: tuple[str, ...]


GROUPS: dict[GroupName, Group] = {
    "elk": Group(
        "elk",
        ("ELASTICSEARCH_PORT", "ELASTICSEARCH_TRANSPORT_PORT"),
        1300 * MIB,
        ("elasticsearch/data", "elasticsearch/logs", "elasticsearch/tmp"),
    ),
    "prom-graf": Group(
        "prom-graf",
        (
            "PROMETHEUS_PORT",
            "JAEGER_PORT",
            "JAEGER_GRPC_PORT",
            "JAEGER_OTLP_PORT",
            "JAEGER_HEALTH_PORT",
            "JAEGER_METRICS_PORT",
            "NODE_EXPORTER_PORT",
            "ALERTMANAGER_PORT",
        ),
        400 * MIB,
        ("prometheus", "jaeger", "alertmanager"),
    ),
    "victorialogs": Group("victorialogs", server_ports("victorialogs"), 100 * MIB, ("victorialogs",)),
    "collector": Group(
        "collector",
        (
            "OTLP_GRPC_PORT",
            "OTLP_HTTP_PORT",
            "ALERTS_PORT",
            "COLLECTOR_HEALTH_PORT",
            "COLLECTOR_METRICS_PORT",
            *collector_ports(),
        ),
        230 * MIB,
        ("collector",),
    ),
    "service": Group("service", ("SERVICE_PORT",), 250 * MIB, ()),
}
"""In the order of starting: the engines that store come before what sends to them; stopping goes the other way."""

SERVERS: frozenset[Server] = frozenset(get_args(Server))
"""Groups that run only where a chosen backend wants them."""

_OF_TARGET: dict[Target, tuple[GroupName, ...]] = {
    "all": tuple(GROUPS),
    "elk": ("elk",),
    "prom-graf": ("prom-graf", *get_args(Server)),
    "service": ("collector", "service"),
}


def members(target: Target, servers: Collection[str] = SERVERS) -> list[GroupName]:
    """The groups that a target names, in the order of starting; of those that only a backend wants, `servers`."""
    return [name for name in _OF_TARGET[target] if name not in SERVERS or name in servers]


def waves(groups: Sequence[GroupName]) -> list[list[GroupName]]:
    """Groups that start at once, one list after the other: the engines, the Collector, the service."""
    order: list[list[GroupName]] = [[name for name in GROUPS if name not in ("collector", "service")], ["collector"], ["service"]]
    found = [[name for name in wave if name in groups] for wave in order]
    return [wave for wave in found if wave]
