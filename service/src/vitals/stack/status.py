"""Where each component of the stack is, and whether it is ready: asked over the network, the same for containers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from vitals.errors import NotRunning
from vitals.settings import Settings, StackSettings
from vitals.stack import backends
from vitals.stack.groups import GroupName, Target, members
from vitals.stack.secrets import Secrets

COMPONENTS: dict[str, GroupName] = {
    "service": "service",
    "collector": "collector",
    "loki": "loki",
    "prometheus": "prom-graf",
    "elasticsearch": "elk",
    "jaeger": "prom-graf",
    "node_exporter": "prom-graf",
    "alertmanager": "prom-graf",
}


@dataclass(frozen=True)
class Component:
    """One component: its address, what says that it is ready, and what else a client of it wants to know."""

    name: str
    url: str
    health_url: str
    more: dict[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None

    def ready(self) -> bool:
        """Whether it says so within 3 seconds."""
        try:
            answer = httpx.get(self.health_url, auth=self.auth, timeout=3, trust_env=False)
        except httpx.HTTPError:
            return False
        if self.name == "elasticsearch" and answer.status_code == httpx.codes.OK:
            return '"status":"green"' in answer.text or '"status":"yellow"' in answer.text
        return answer.status_code == httpx.codes.OK

    def told(self, ready: bool) -> dict[str, Any]:
        """As `vitals status --json` gives it."""
        return {"url": self.url, "ready": ready, **self.more}


def components(settings: StackSettings, service: Settings, target: Target = "all") -> list[Component]:
    """The components of a target."""
    secrets = Secrets(settings.vitals_state_dir / "secrets")
    everywhere = service.service_host in ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
    host = "127.0.0.1" if everywhere else service.service_host
    served = f"http://{f'[{host}]' if ':' in host else host}:{settings.service_port}"
    collector = _local(settings.collector_health_port)
    elasticsearch = _local(settings.elasticsearch_port)
    found = [
        Component("service", served, f"{served}/health/ready", {"docs_url": f"{served}/docs"}),
        Component(
            "collector",
            _local(settings.otlp_http_port),
            collector,
            {
                "otlp_grpc": f"127.0.0.1:{settings.otlp_grpc_port}",
                "health_url": collector,
                "metrics_url": f"{_local(settings.collector_metrics_port)}/metrics",
            },
        ),
        Component("prometheus", _local(settings.prometheus_port), f"{_local(settings.prometheus_port)}/-/ready"),
        Component(
            "elasticsearch",
            elasticsearch,
            f"{elasticsearch}/_cluster/health",
            {"user": "reader", "password_file": str(secrets.file("reader"))},
            _reader(secrets),
        ),
        Component(
            "jaeger",
            _local(settings.jaeger_port),
            f"{_local(settings.jaeger_health_port)}/status",
            {"health_url": f"{_local(settings.jaeger_health_port)}/status"},
        ),
        Component(
            "node_exporter",
            _local(settings.node_exporter_port),
            _local(settings.node_exporter_port),
            {"metrics_url": f"{_local(settings.node_exporter_port)}/metrics"},
        ),
        Component("alertmanager", _local(settings.alertmanager_port), f"{_local(settings.alertmanager_port)}/-/ready"),
        Component("loki", _local(settings.loki_port), f"{_local(settings.loki_port)}/ready"),
    ]
    wanted = members(target, backends.servers(settings))
    return [component for component in found if COMPONENTS[component.name] in wanted]


def readiness(asked: Sequence[Component]) -> dict[str, bool]:
    """Whether each is ready; all are asked at once."""
    with ThreadPoolExecutor(max(1, len(asked))) as side_by_side:
        answers = side_by_side.map(Component.ready, asked)
        return dict(zip((component.name for component in asked), answers, strict=True))


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _reader(secrets: Secrets) -> tuple[str, str] | None:
    try:
        return ("reader", secrets.password("reader"))
    except NotRunning:
        return None
