"""What happens to an engine: killed and kept away, killed and started again, frozen; each undone when its block ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from vitals.host.ports import listeners

from ..stack.conftest import Stack, eventually

SUPERVISOR = "process-compose"


def process_of(port: int) -> psutil.Process:
    """The process that listens on a port, once there is one."""
    return eventually(lambda: listeners().get(port), within=60, why=f"something listens on {port}")


@contextmanager
def dead(port: int) -> Iterator[psutil.Process]:
    """Kill what listens on a port with SIGKILL; it is not started again before the block ends.

    Its supervisor would do that after two seconds, and is held still meanwhile: what is away is the process, not the machine. So
    connections are refused, as they are where a process has died. Once the supervisor goes on, it starts it again.
    """
    victim = process_of(port)
    supervisor = next(parent for parent in victim.parents() if parent.name() == SUPERVISOR)
    supervisor.suspend()
    try:
        victim.kill()
        eventually(lambda: port not in listeners(), why=f"nobody listens on {port} any more")
        yield victim
    finally:
        supervisor.resume()


def kill(port: int) -> psutil.Process:
    """Kill what listens on a port with SIGKILL; gives what was started in its place, as soon as that listens."""
    victim = process_of(port)
    victim.kill()
    eventually(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE, why="it is dead")
    return eventually(
        lambda: listeners().get(port),
        lambda now: now is not None and now.pid != victim.pid,
        within=60,
        why="it was started again",
    )


@contextmanager
def frozen(port: int) -> Iterator[psutil.Process]:
    """Stop what listens on a port with SIGSTOP: connections are taken, and nobody answers. It goes on when the block ends."""
    victim = process_of(port)
    victim.suspend()
    try:
        yield victim
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.resume()


def ready(stack: Stack, port: int) -> None:
    """Wait until an engine that was killed answers again; `port` is Elasticsearch's or Prometheus's."""
    asks = {
        stack.settings.elasticsearch_port: (stack.stores.elasticsearch, "/_cluster/health"),
        stack.settings.prometheus_port: (stack.stores.prometheus, "/-/ready"),
    }
    client, path = asks[port]

    def well() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return client.get(path).is_success
        return False

    eventually(well, within=120, why="it answers again")


def collector_metric(metrics_port: int, name: str, **labels: str) -> float:
    """The sum of a Collector's own metric over the series that have these labels, from the Collector itself.

    Raises httpx.HTTPError while it is away.
    """
    text = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics", timeout=5).raise_for_status().text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in (name, f"{name}_total") and labels.items() <= sample.labels.items()
    )


def queued(stack: Stack, *exporters: str) -> float:
    """Bytes that wait in the Collector's queues for these exporters; for all of them where none is named."""
    port = stack.settings.collector_metrics_port
    if not exporters:
        return collector_metric(port, "otelcol_exporter_queue_size")
    return sum(collector_metric(port, "otelcol_exporter_queue_size", exporter=one) for one in exporters)
