"""The three groups of the stack that start and stop as one, and what each needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

GroupName = Literal["elk", "prom-graf", "service"]
Target = Literal["all", "elk", "prom-graf", "service"]

_MIB = 1024**2


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
        1300 * _MIB,
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
        400 * _MIB,
        ("prometheus", "jaeger", "alertmanager"),
    ),
    "service": Group(
        "service",
        ("SERVICE_PORT", "OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "ALERTS_PORT", "COLLECTOR_HEALTH_PORT", "COLLECTOR_METRICS_PORT"),
        400 * _MIB,
        ("collector",),
    ),
}
"""In the order of starting: the engines that store come before what sends to them; stopping goes the other way."""


def members(target: Target) -> list[GroupName]:
    """The groups that a target names, in the order of starting."""
    if target == "all":
        return list(GROUPS)
    return [target]


def waves(groups: Sequence[GroupName]) -> list[list[GroupName]]:
    """Groups that start at once, one list after the other: the engines first, then the Collector and the service."""
    engines: list[GroupName] = [name for name in GROUPS if name in groups and name != "service"]
    senders: list[GroupName] = ["service"] if "service" in groups else []
    return [wave for wave in (engines, senders) if wave]
