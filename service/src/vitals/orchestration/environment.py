"""The environment that every process of the native stack gets: the options, and where everything is.

compose.yaml sets the same names with a container's values, so that the engines' configuration files need not differ.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vitals.backend_rows.table import stack_options
from vitals.backends import backend_table, collector_config
from vitals.checkout import ROOT
from vitals.configuration import CONFIGURATION
from vitals.engines.cache import Engines
from vitals.host.addresses import host_to_ask
from vitals.host.secrets import Secrets
from vitals.orchestration.groups import SERVERS, GroupName
from vitals.provisioning import elasticsearch_files
from vitals.settings.durations import seconds
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

LOOPBACK = "127.0.0.1"

_NOT_PASSED_ON = ("PC_", "COMPOSE_SHELL")
"""What would turn process-compose away from our file, our socket and our shell."""


def stack_environment(
    settings: StackSettings,
    service: Settings,
    engines: Engines,
    java_home: Path,
    inherited: Mapping[str, str],
    more_for_the_collector: Sequence[str] = (),
) -> dict[str, str]:
    """What we set for every process of the stack; it is put over the caller's environment (`with_inherited`)."""
    return {
        **_addresses(settings, service, inherited),
        **_folders(settings, inherited),
        **_programs(settings, engines, java_home),
        **_retention(settings),
        **_backends(settings),
        "LOG_FILES": settings.log_files,
        "CANARY_INTERVAL": settings.canary_interval,
        # A list of arguments, quoted for a shell.
        "COLLECTOR_CONFIG": shlex.join([*collector_config.arguments(settings), *more_for_the_collector]),
        "HOST_NAME": socket.gethostname(),
        # Running requests take the whole grace at most, telemetry half of it again.
        "SERVICE_STOP_SECONDS": str(service.shutdown_grace_seconds * 3 // 2 + 15),
    }


def with_inherited(ours: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a process: the service's own options and OTEL_* come from the caller's.

    An option that is there and empty is its default; the Collector would take it for a value.
    """
    empty = {name.upper() for name in StackSettings.model_fields if not inherited.get(name.upper())}
    kept = {name: value for name, value in inherited.items() if name not in empty and not name.startswith(_NOT_PASSED_ON)}
    return {**kept, **ours}


_OF_SERVERS: dict[GroupName, frozenset[str]] = {
    server: frozenset({server.upper(), f"{server.upper()}_DATA", *backend_table.server_ports(server)}) for server in SERVERS
}

_READ_BY_ONE: dict[GroupName, frozenset[str]] = {
    **_OF_SERVERS,
    "collector": frozenset(
        {"COLLECTOR_CONFIG", *StackSettings.read_by("collector"), *(option.name for option in stack_options())}
    ).difference(*_OF_SERVERS.values()),
}
"""What no other group reads, and so need not be started anew for."""


def settings_digest(ours: Mapping[str, str], inherited: Mapping[str, str], group: GroupName) -> str:
    """Changes when what we set for a group does, or what the service reads of the caller's environment: it starts anew then."""
    of_others = {name for other, names in _READ_BY_ONE.items() if other != group for name in names}
    of_service = {name.upper() for name in Settings.model_fields}
    # The canary, which is the Collector's neighbour, has OTEL_* too; the engines have neither.
    callers = inherited if group in ("service", "collector") else {}
    read = {name: value for name, value in callers.items() if name in of_service or name.startswith("OTEL_")}
    told = {name: value for name, value in ours.items() if name not in of_others}
    return hashlib.sha256(json.dumps({**read, **told}, sort_keys=True).encode()).hexdigest()


def _addresses(settings: StackSettings, service: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    over_http = inherited.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").startswith("http")
    collector = settings.otlp_http_port if over_http else settings.otlp_grpc_port
    host = host_to_ask(service.service_host)
    return {
        **{name: str(port) for name, port in settings.ports().items()},
        "LISTEN_HOST": LOOPBACK,
        "SERVICE_PROBE_HOST": host,
        "SERVICE_URL": f"http://{host}:{settings.service_port}",
        "ELASTICSEARCH_URL": f"http://{LOOPBACK}:{settings.elasticsearch_port}",
        "PROMETHEUS_URL": f"http://{LOOPBACK}:{settings.prometheus_port}",
        "JAEGER_OTLP_ENDPOINT": f"{LOOPBACK}:{settings.jaeger_otlp_port}",
        **{name: _without_proxy(inherited.get(name, "")) for name in ("NO_PROXY", "no_proxy")},
        "OTEL_EXPORTER_OTLP_ENDPOINT": inherited.get("OTEL_EXPORTER_OTLP_ENDPOINT") or f"http://{LOOPBACK}:{collector}",
    }


def _backends(settings: StackSettings) -> dict[str, str]:
    return {
        # Unset is not empty to the Collector: its files have the default.
        **({"QUEUE_BYTES": str(settings.queue_bytes)} if settings.queue_bytes else {}),
        **{f"{signal.upper()}_BACKEND": name for signal, name in backend_table.chosen(settings).items()},
        **backend_table.environment(settings),
    }


def _without_proxy(named: str) -> str:
    """What the caller names, and loopback: the parts of the stack talk to each other directly, with passwords."""
    return ",".join([*filter(None, named.split(",")), LOOPBACK, "localhost"])


def _folders(settings: StackSettings, inherited: Mapping[str, str]) -> dict[str, str]:
    state = settings.vitals_state_dir
    return {
        "PREDICTION_KEY_FILE": inherited.get("PREDICTION_KEY_FILE") or str(Secrets(state / "secrets").prediction_key),
        "CHECKOUT": str(ROOT),
        "CONFIGURATION": str(CONFIGURATION),
        "VITALS_STATE_DIR": str(state),
        "VITALS_CACHE_DIR": str(settings.vitals_cache_dir),
        "SECRETS_DIR": str(state / "secrets"),
        "LOGS_DIR": str(state / "logs"),
        "QUEUE_DIR": str(state / "collector" / "queue"),
        "PROMETHEUS_CONFIG": str(state / "prometheus" / "prometheus.yml"),
        "PROMETHEUS_DATA": str(state / "prometheus" / "data"),
        "ALERTMANAGER_FOLDER": str(state / "alertmanager"),
        "ALERTMANAGER_DATA": str(state / "alertmanager" / "data"),
        "JAEGER_DATA": str(state / "jaeger"),
        **{f"{server.upper()}_DATA": str(state / server) for server in SERVERS},
        "ELASTICSEARCH_DATA": str(state / "elasticsearch" / "data"),
        "ELASTICSEARCH_LOGS": str(state / "elasticsearch" / "logs"),
        "ES_PATH_CONF": str(state / "elasticsearch" / "config"),
        "ES_TMPDIR": str(state / "elasticsearch" / "tmp"),
    }


def _programs(settings: StackSettings, engines: Engines, java_home: Path) -> dict[str, str]:
    as_other = shlex.join(elasticsearch_files.run_as())
    return {
        "OTELCOL": str(engines.binary("otelcol")),
        "PROMETHEUS": str(engines.binary("prometheus")),
        "JAEGER": str(engines.binary("jaeger")),
        "VICTORIALOGS": str(engines.binary("victoria-logs")) if "victorialogs" in engines else "",
        "NODE_EXPORTER": str(engines.binary("node_exporter")),
        "ALERTMANAGER": str(engines.binary("alertmanager")),
        "ELASTICSEARCH": str(engines.binary("elasticsearch")),
        "ELASTICSEARCH_RUN_AS": as_other,
        "ES_JAVA_HOME": str(java_home),
        # Java reads paths as the locale has them. The same for every caller: another locale is no reason to start anew.
        "LC_ALL": "C.UTF-8",
        "VITALS_PYTHON": sys.executable,
        # A .env is read once, by the command that starts the stack.
        "VITALS_ENV_FILE": os.devnull,
        "ELASTICSEARCH_HEAP": settings.elasticsearch_heap,
    }


def _retention(settings: StackSettings) -> dict[str, str]:
    return {
        "LOGS_RETENTION": settings.logs_retention,
        "TRACES_RETENTION": settings.traces_retention,
        "METRICS_RETENTION": settings.metrics_retention,
        "JAEGER_TTL": _in_hours(settings.traces_retention),
    }


def _in_hours(retention: str) -> str:
    """As a Go duration, which knows no days."""
    return f"{round(seconds(retention) / 3600)}h"
