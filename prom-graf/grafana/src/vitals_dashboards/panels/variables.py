"""What can be chosen at the top of a dashboard; each choice narrows those after it.

"All" is the list of what there is, not `.*`: so the instances are those of the chosen model and version, and every panel
that asks for `$instance` follows all three.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from vitals_dashboards.panels.sources import PROMETHEUS


def _one(name: str, label: str, query: str, description: str) -> QueryVariable:
    """One value, at first the first."""
    return (
        QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(PROMETHEUS)
        .query({"query": query, "refId": name, "qryType": 5})
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .allow_custom_value(False)
    )


def _variable(name: str, label: str, query: str, description: str) -> QueryVariable:
    """Several values, at first all."""
    several = _one(name, label, query, description).multi(True).include_all(True)
    return several.current(VariableOption(text=["All"], value=["$__all"], selected=True))


def of_the_service() -> list[QueryVariable]:
    """The model, its version, and the process that serves it: on every dashboard but «SLO», which is about the fleet."""
    chosen = 'ml_model_name=~"$model", ml_model_version=~"$version"'
    return [
        _variable("model", "Model", "label_values(ml_model_info, ml_model_name)", "The model, by its name."),
        _variable(
            "version",
            "Version",
            'label_values(ml_model_info{ml_model_name=~"$model"}, ml_model_version)',
            "The model's version: the beginning of its artefact's hash.",
        ),
        _variable(
            "instance",
            "Instance",
            f"label_values(ml_model_info{{{chosen}}}, instance)",
            "One process of the service; a restart makes a new one.",
        ),
    ]


def feature() -> QueryVariable:
    """One of the chosen model's features."""
    return _one(
        "feature",
        "Feature",
        'label_values(ml_reference_share{ml_model_name=~"$model", ml_model_version=~"$version"}, ml_feature_name)',
        "The feature that the panels with its name are about.",
    )


def service() -> QueryVariable:
    """A service, by the name it gives itself."""
    return _variable("service", "Service", "label_values(ml_model_info, job)", "The service: OTEL_SERVICE_NAME of its processes.")


def host() -> QueryVariable:
    """The host that the Collector measures."""
    return _variable(
        "host", "Host", "label_values(system_cpu_logical_count, host_name)", "The host, as the Collector on it is called."
    )


def node() -> QueryVariable:
    """A node_exporter."""
    return _variable("node", "node_exporter", 'label_values(node_uname_info{job="node"}, instance)', "A node_exporter's address.")


def collector() -> QueryVariable:
    """A Collector."""
    return _variable(
        "collector",
        "Collector",
        'label_values(otelcol_process_uptime{job="collector"}, instance)',
        "A Collector, by the address that its own metrics are read from.",
    )
