"""The data sources that the dashboards ask, by the uids that prom-graf/grafana/provisioning gives them."""

from __future__ import annotations

from grafana_foundation_sdk.models.common import DataSourceRef

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
LOGS = DataSourceRef(type_val="elasticsearch", uid="elasticsearch-logs")
TRACES = DataSourceRef(type_val="elasticsearch", uid="elasticsearch-traces")
