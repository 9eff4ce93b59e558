"""What tests of compose.yaml share: its services by side, and the native stack's processes to compare them with."""

from __future__ import annotations

from typing import Any

import yaml

from vitals.checkout import ROOT

FILE = ROOT / "compose.yaml"
SIDES = {
    "elk": {"init", "elasticsearch", "elasticsearch-setup", "kibana", "kibana-setup"},
    "prom-graf": {"init", "prometheus", "alertmanager", "jaeger", "node_exporter", "grafana"},
    "service": {"init", "collector", "collector-ready", "service", "canary"},
}
EVERYTHING = set.union(*SIDES.values())
ONE_SHOTS = {"init", "elasticsearch-setup", "kibana-setup", "collector-ready"}


def collector_grace() -> str:
    """How long the Collector's container has to end before it is killed, as in `15s`."""
    return str(yaml.safe_load(FILE.read_text())["services"]["collector"]["stop_grace_period"])


def native() -> dict[str, Any]:
    """The processes of the native stack by name."""
    text = (ROOT / "native" / "process-compose.yaml").read_text()
    content: dict[str, Any] = yaml.safe_load(text.replace("${SERVICE_STOP_SECONDS}", "35"))
    return dict(content["processes"])
