"""Where each component of the stack is, and whether it is ready: asked over the network, the same for containers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from vitals.backends import backend_table
from vitals.errors import NotRunning
from vitals.host.addresses import address, service_url
from vitals.host.http_errors import words_of
from vitals.host.ports import belongs_to, described, holders, process_name, whose
from vitals.host.secrets import Secrets
from vitals.orchestration.groups import GroupName, Target, members
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

COMPONENTS: dict[str, GroupName] = {
    "service": "service",
    "collector": "collector",
    "victorialogs": "victorialogs",
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
        return not self.unready()

    def unready(self) -> str:
        """Why it is not ready, as the end of a sentence about it; empty where it is. Within 3 seconds."""
        at = f"at {httpx.URL(self.health_url).netloc.decode()}"
        try:
            answer = httpx.get(self.health_url, auth=self.auth, timeout=3, trust_env=False)
        except httpx.ConnectError:
            return f"does not listen {at}"
        except httpx.TimeoutException:
            return f"takes connections {at} and does not answer within 3 s: it is frozen, or has more to do than it can"
        except httpx.HTTPError as strange:
            return f"breaks off {at} ({type(strange).__name__}): something else may listen there"
        if self.name == "elasticsearch" and answer.status_code == httpx.codes.UNAUTHORIZED:
            return f"refuses the password of its user reader {at}: it was started with other secrets, or is another Elasticsearch"
        if answer.status_code != httpx.codes.OK:
            return f"answers {answer.status_code} {at}: {words_of(answer).rstrip('.') or 'without a reason'}"
        if self.name == "elasticsearch" and '"status":"green"' not in answer.text and '"status":"yellow"' not in answer.text:
            return f"is up {at}, and its cluster's health is not yellow or green: shards with data are not there"
        return ""

    def told(self, ready: bool) -> dict[str, Any]:
        """As `vitals status --json` gives it."""
        return {"url": self.url, "ready": ready, **self.more}


def components(settings: StackSettings, service: Settings, target: Target = "all") -> list[Component]:
    """The components of a target."""
    secrets = Secrets(settings.vitals_state_dir / "secrets")
    served = service_url(service.service_host, settings.service_port)
    collector = address("COLLECTOR_HEALTH_URL", settings.collector_health_port)
    prometheus = address("PROMETHEUS_URL", settings.prometheus_port)
    elasticsearch = address("ELASTICSEARCH_URL", settings.elasticsearch_port)
    jaeger_health = f"{address('JAEGER_HEALTH_URL', settings.jaeger_health_port)}/status"
    node_exporter = address("NODE_EXPORTER_URL", settings.node_exporter_port)
    alertmanager = address("ALERTMANAGER_URL", settings.alertmanager_port)
    victorialogs = address("VICTORIALOGS_URL", settings.victorialogs_port)
    found = [
        Component("service", served, f"{served}/health/ready", {"docs_url": f"{served}/docs"}),
        Component(
            "collector",
            address("COLLECTOR_URL", settings.otlp_http_port),
            collector,
            {
                "otlp_grpc": f"127.0.0.1:{settings.otlp_grpc_port}",
                "health_url": collector,
                "metrics_url": f"{address('COLLECTOR_METRICS_URL', settings.collector_metrics_port)}/metrics",
            },
        ),
        Component("prometheus", prometheus, f"{prometheus}/-/ready"),
        Component(
            "elasticsearch",
            elasticsearch,
            f"{elasticsearch}/_cluster/health",
            {"user": "reader", "password_file": str(secrets.file("reader"))},
            _reader(secrets),
        ),
        Component("jaeger", address("JAEGER_URL", settings.jaeger_port), jaeger_health, {"health_url": jaeger_health}),
        Component("node_exporter", node_exporter, node_exporter, {"metrics_url": f"{node_exporter}/metrics"}),
        Component("alertmanager", alertmanager, f"{alertmanager}/-/ready"),
        Component("victorialogs", victorialogs, f"{victorialogs}/health"),
    ]
    wanted = members(target, backend_table.servers(settings))
    return [component for component in found if COMPONENTS[component.name] in wanted]


def readiness(asked: Sequence[Component]) -> dict[str, bool]:
    """Whether each is ready; all are asked at once."""
    with ThreadPoolExecutor(max(1, len(asked))) as side_by_side:
        answers = side_by_side.map(Component.ready, asked)
        return dict(zip((component.name for component in asked), answers, strict=True))


def held_by_others(asked: Sequence[Component], stack: str) -> dict[str, str]:
    """Those whose port a process holds that is not this stack's, with whose it is, as far as the system says.

    Containers' ports are held by Docker's own process, which says nothing of whose they are.
    """
    held = holders()
    found = {}
    for one in asked:
        processes = held.get(httpx.URL(one.health_url).port or 0, [])
        if processes and not any(belongs_to(process, stack) for process in processes):
            process = processes[0]
            if process_name(process) not in _OF_CONTAINERS:
                found[one.name] = f"{described(process)}, which is {whose(process)}"
    return found


_OF_CONTAINERS = ("docker-proxy", "rootlesskit", "rootlessport", "slirp4netns", "pasta", "")


def _reader(secrets: Secrets) -> tuple[str, str] | None:
    try:
        return ("reader", secrets.password("reader"))
    except NotRunning:
        return None
